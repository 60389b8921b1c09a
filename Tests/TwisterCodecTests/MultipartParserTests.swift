import Testing

@testable import TwisterCodec

@Suite("Multipart forms")
struct MultipartParserTests {
    private static let boundary = "----WebKitFormBoundary7MA4YWxk"

    /// The parts of `body`, each with its content.
    private func parts(
        _ body: String, boundary: String = boundary, maxParts: Int = 100, maxHeaderSize: Int = 10_240
    ) throws -> [(part: MultipartParser.Part, content: String)] {
        let octets = Array(body.utf8)
        let buffer = GuardedBuffer(capacity: max(octets.count, 1))
        return try buffer.withBytes(octets) { bytes in
            var parser = MultipartParser(
                bytes, boundary: Array(boundary.utf8), maxParts: maxParts, maxHeaderSize: maxHeaderSize)
            var parts: [(MultipartParser.Part, String)] = []
            while let part = try parser.next() {
                parts.append((part, String(decoding: bytes[part.content], as: UTF8.self)))
            }
            return parts
        }
    }

    private static let form = """
        --\(boundary)\r
        Content-Disposition: form-data; name="title"\r
        \r
        a \u{e9} b\r
        --\(boundary)\r
        Content-Disposition: form-data; name="file"; filename="C:\\a \\"b\\".txt"\r
        Content-Type: text/plain; charset=utf-8\r
        X-Other: ignored\r
        \r
        line\r
        --\(boundary.dropLast())\r
        \r
        --\(boundary) \t\r
        content-disposition:form-data;name=empty\r
        \r
        \r
        --\(boundary)\r
        Content-Disposition: form-data; name="none"; filename="x"; filename*=UTF-8''%e2%82%ac.txt;\r
        \r
        --\(boundary)--\r
        an epilogue
        """

    @Test("HU-11: fields, files, names in quotes and in percent-encoding, empty parts")
    func form() throws {
        for text in [Self.form, "a preamble\r\n" + Self.form] {
            let parts = try parts(text)
            #expect(parts.map(\.part.name) == ["title", "file", "empty", "none"])
            #expect(parts.map(\.part.fileName) == [nil, "C:\\a \"b\".txt", nil, "\u{20ac}.txt"])
            #expect(parts.map(\.part.contentType) == [nil, "text/plain; charset=utf-8", nil, nil])
            #expect(
                parts.map(\.content) == ["a \u{e9} b", "line\r\n--\(Self.boundary.dropLast())\r\n", "", ""])
        }
        #expect(try parts("--b--", boundary: "b").isEmpty)
    }

    @Test("HU-11: a form that ends anywhere too early is refused, and no octet behind it is read")
    func cut() throws {
        let octets = Array(Self.form.utf8)
        let end = octets.count - "\r\nan epilogue".utf8.count
        for count in 0..<end {
            #expect(throws: MultipartError.self) {
                _ = try parts(String(decoding: octets[..<count], as: UTF8.self))
            }
        }
        #expect(try parts(String(decoding: octets[..<end], as: UTF8.self)).count == 4)
    }

    @Test(
        "HU-11: malformed forms are refused",
        arguments: [
            ("", MultipartError.unterminated), ("no delimiter", .unterminated),
            ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", .unterminated),
            ("--bX\r\n\r\n\r\n--b--", .malformedDelimiter), ("--b\n\n\n--b--", .malformedDelimiter),
            ("--b\r\n\r\nx\r\n--b--", .missingName),
            ("--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--", .missingName),
            ("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", .missingName),
            ("--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\nContent-Disposition : form-data; name=a\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\nnonsense\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\n: x\r\n\r\nx\r\n--b--", .malformedPartHeader),
            ("--b\r\nA: b\rc\r\n\r\nx\r\n--b--", .malformedPartHeader),
        ])
    func malformed(text: String, error: MultipartError) {
        #expect(throws: error) { _ = try parts(text, boundary: "b") }
    }

    @Test("HU-12: the number of parts and the size of their headers are bounded")
    func limits() throws {
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
        let many = String(repeating: part, count: 100) + "--b--"
        #expect(try parts(many, boundary: "b").count == 100)
        #expect(throws: MultipartError.tooManyParts) { _ = try parts(many, boundary: "b", maxParts: 99) }
        let long =
            "--b\r\nX: \(String(repeating: "x", count: 500))\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--"
        #expect(try parts(long, boundary: "b").count == 1)
        #expect(throws: MultipartError.partHeaderTooLarge) { _ = try parts(long, boundary: "b", maxHeaderSize: 500) }
    }

    @Test("HU-12: parameters are limited, and headers without a limit cause no trap")
    func parameters() throws {
        let many = (0..<10_000).map { ";p\($0)=x" }.joined()
        let part = "--b\r\nContent-Disposition: form-data; name=a\(many)\r\n\r\nx\r\n--b--"
        #expect(throws: MultipartError.malformedPartHeader) {
            _ = try parts(part, boundary: "b", maxHeaderSize: .max)
        }
        let type = Array("multipart/form-data; boundary=b\(many)".utf8)
        #expect(throws: MultipartError.malformedBoundary) {
            _ = try type.withUnsafeBytes { try MultipartParser.boundary(of: $0) }
        }
    }

    @Test(
        "HU-10: the boundary that a type names",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data;boundary=\"a b:c\"", "a b:c"),
            ("multipart/form-data; charset=utf-8; boundary=----=_Part/1?2", "----=_Part/1?2"),
            ("multipart/form-data ; boundary=a;", "a"), ("multipart/mixed; boundary=a", nil), ("text/plain", nil),
            ("", nil), ("multipart/form-dataX; boundary=a", nil), ("multipart/form-data", "error"),
            ("multipart/form-data; boundary=", "error"), ("multipart/form-data; boundary=\"\"", "error"),
            ("multipart/form-data; boundary=\"a", "error"), ("multipart/form-data; boundary=\"a \"", "error"),
            ("multipart/form-data; boundary=a; boundary=b", "error"), ("multipart/form-data; boundary=a b ; x", "a b"),
            ("multipart/form-data; boundary=\(String(repeating: "x", count: 70))", String(repeating: "x", count: 70)),
            ("multipart/form-data; boundary=\(String(repeating: "x", count: 71))", "error"),
        ] as [(String, String?)])
    func boundaries(type: String, expected: String?) {
        let found: String?
        do throws(MultipartError) {
            let octets = Array(type.utf8)
            let result = octets.withUnsafeBytes { octets in
                Result { () throws(MultipartError) in try MultipartParser.boundary(of: octets) }
            }
            found = try result.get().map { String(decoding: $0, as: UTF8.self) }
        } catch {
            found = "error"
        }
        #expect(found == expected)
    }
}
