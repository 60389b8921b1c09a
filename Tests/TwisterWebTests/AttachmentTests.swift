import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

@Suite("Responses to be saved as files") struct AttachmentTests {
    private final class Uploads: StaticFileHandler {
        override func setExtraHeaders(_ path: String) throws { try setAttachment(path) }
    }

    @Test(
        "a name is sent in ASCII, and in UTF-8 where the two differ (RFC 6266, appendix D)",
        arguments: [
            ("a.txt", #"attachment; filename="a.txt""#), ("a b.txt", #"attachment; filename="a b.txt""#),
            ("../../etc/passwd", #"attachment; filename="passwd""#), ("", #"attachment; filename="file""#),
            ("a\"b.html", #"attachment; filename="a_b.html"; filename*=UTF-8''a%22b.html"#),
            ("a%41.txt", #"attachment; filename="a_41.txt"; filename*=UTF-8''a%2541.txt"#),
            ("\u{20ac} 5.pdf", #"attachment; filename="_ 5.pdf"; filename*=UTF-8''%E2%82%AC%205.pdf"#),
            ("a\r\nX: y", #"attachment; filename="aX: y""#), ("a'(*).txt", #"attachment; filename="a'(*).txt""#),
            ("\u{e4}'(*)~.txt", #"attachment; filename="_'(*)~.txt"; filename*=UTF-8''%C3%A4%27%28%2A%29~.txt"#),
        ])
    func names(name: String, expected: String) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                try handler.setAttachment(name)
                handler.write("content")
            }
        ])
        try await application.test(.handler) { client in
            let response = try await client.get("/")
            #expect(response.headers[.contentDisposition] == expected)
        }
    }

    @Test("files of a folder are sent as attachments", arguments: TestDepth.allCases)
    func files(depth: TestDepth) async throws {
        let folder = try TemporaryFiles()
        try folder.write("<script>", at: "page.html")
        let root = folder.root
        try await Application([URLSpec("/(.*)") { Uploads($0, root: root) }]).test(depth) { client in
            let response = try await client.get("/page.html")
            #expect(response.text == "<script>")
            #expect(response.headers[.contentDisposition] == #"attachment; filename="page.html""#)
        }
    }
}
