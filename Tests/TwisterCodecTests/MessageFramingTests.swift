import Testing

@testable import TwisterCodec

@Suite("Message framing")
struct MessageFramingTests {
    @Test(
        "H1-5, W-10, GHSA-mgc4-wqv7-4pxm, GHSA-753j-mpmx-qq6g: one interpretation of the length, or none",
        arguments: [
            ("1", "", MessageFraming.none),
            ("1", "Content-Length: 0", .length(0)),
            ("1", "content-LENGTH:  42\t", .length(42)),
            ("0", "Content-Length: 42", .length(42)),
            ("1", "Content-Length: 007", .length(7)),
            ("1", "Content-Length: 9223372036854775807", .length(.max)),
            ("1", "Content-Length: 9223372036854775808", .invalid(.contentLengthTooLarge)),
            ("1", "Content-Length: 18446744073709551617", .invalid(.contentLengthTooLarge)),
            ("1", "Content-Length: 99999999999999999999999999999999", .invalid(.contentLengthTooLarge)),
            ("1", "Content-Length:", .invalid(.malformedContentLength)),
            ("1", "Content-Length: +5", .invalid(.malformedContentLength)),
            ("1", "Content-Length: -5", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 0x5", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 5 5", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 5, 5", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 5,", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 5.0", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 1e3", .invalid(.malformedContentLength)),
            ("1", "Content-Length: \u{0665}", .invalid(.malformedContentLength)),
            ("1", "Content-Length: 5\r\nContent-Length: 5", .invalid(.duplicateContentLength)),
            ("1", "Content-Length: 5\r\nA: b\r\ncontent-length: 6", .invalid(.duplicateContentLength)),
            ("0", "Content-Length: 5\r\nContent-Length: 6", .invalid(.duplicateContentLength)),
            ("1", "Transfer-Encoding: chunked", .chunked),
            ("1", "transfer-encoding: \tChUnKeD ", .chunked),
            ("0", "Transfer-Encoding: chunked", .invalid(.transferEncodingInHTTP10)),
            ("1", "Transfer-Encoding: chunked\r\nContent-Length: 5", .invalid(.transferEncodingWithContentLength)),
            ("1", "Content-Length: 5\r\nTransfer-Encoding: x", .invalid(.transferEncodingWithContentLength)),
            ("1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalid(.duplicateTransferEncoding)),
            ("1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .invalid(.duplicateTransferEncoding)),
            ("1", "Transfer-Encoding: gzip, chunked", .invalid(.unsupportedTransferCoding)),
            ("1", "Transfer-Encoding: identity,gzip , chunked", .invalid(.unsupportedTransferCoding)),
            ("1", "Transfer-Encoding:", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: ,chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunked,", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: gzip,,chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunked, chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunked, gzip", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunked, gzip, chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: gzip", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: identity", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: xchunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: \"chunked\"", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunked;q=1", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: gzip;q=1, chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: x chunked", .invalid(.malformedTransferEncoding)),
            ("1", "Transfer-Encoding: chunke\u{0501}", .invalid(.malformedTransferEncoding)),
        ])
    func framing(minor: String, fields: String, expected: MessageFraming) throws {
        let head = try parsedHead("POST / HTTP/1.\(minor)\r\nHost: h\(fields.isEmpty ? "" : "\r\n" + fields)\r\n\r\n")
        #expect(MessageFraming.framing(of: head) == expected)
    }

    @Test(
        "A field that only looks like Transfer-Encoding never gets this far",
        arguments: [
            "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", " Transfer-Encoding: chunked",
            "Transfer-Encoding: \u{b}chunked", "Transfer-Encoding: chunked\0", "Transfer\u{e9}Encoding: chunked",
            "A: b\rTransfer-Encoding: chunked", "A: b\nTransfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
        ])
    func oddSpelling(line: String) {
        guard case .invalid = parseEveryWay("POST / HTTP/1.1\r\nHost: h\r\n\(line)\r\n\r\n") else {
            Issue.record("accepted")
            return
        }
    }
}
