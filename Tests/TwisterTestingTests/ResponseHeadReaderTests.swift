import HTTPTypes
import Testing

@testable import TwisterTesting

@Suite("ResponseHeadReader")
struct ResponseHeadReaderTests {
    private static let head = Array(
        "HTTP/1.1 201 All right\r\nSet-Cookie: a=b\r\nset-cookie:c=d \r\nEmpty:\r\n\r\n".utf8)

    @Test("X-76: status, reason and fields; one name several times")
    func whole() throws {
        let head = try ResponseHeadReader.read(Self.head)
        #expect(head.status.code == 201 && head.status.reasonPhrase == "All right")
        #expect(head.fields[values: .setCookie] == ["a=b", "c=d"])
        #expect(head.fields[HTTPField.Name("Empty") ?? .date]?.isEmpty == true)
        #expect(try ResponseHeadReader.read(Array("HTTP/1.1 200 \r\n\r\n".utf8)).fields.isEmpty)
    }

    @Test(
        "X-76: what is no head is refused",
        arguments: [
            "", "\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 2000 High\r\n\r\n",
            "HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: value\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        ])
    func malformed(text: String) {
        #expect(throws: TestClientError.self) { try ResponseHeadReader.read(Array(text.utf8)) }
    }

    @Test("X-76: cut anywhere and with any bit flipped, it is read or refused, and nothing traps")
    func mutations() {
        for index in Self.head.indices {
            _ = try? ResponseHeadReader.read(Array(Self.head[..<index]))
            for bit in 0..<8 {
                var changed = Self.head
                changed[index] ^= 1 << UInt8(bit)
                _ = try? ResponseHeadReader.read(changed)
            }
        }
    }
}

@Suite("FormEncoding")
struct FormEncodingTests {
    @Test(
        "X-76: base 64 by the vectors of RFC 4648, 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"), ("ÿ~", "w79+"),
        ])
    func base64(text: String, encoded: String) { #expect(FormEncoding.base64(text) == encoded) }
}
