import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Static files that are compressed", .serialized)
struct StaticFileCompressionTests {
    /// Says that the response depends on the user, too.
    private final class UserFileHandler: StaticFileHandler {
        override func setDefaultHeaders() throws { try setHeader(.vary, "Cookie") }
    }

    private func withFiles(_ backend: IOBackend, _ body: (TestClient) throws -> Void) async throws {
        let files = try TemporaryFiles()
        try files.write(String(repeating: "compress me ", count: 500), at: "long.txt", modified: 1_700_000_000)
        try files.write("short", at: "short.txt", modified: 1_700_000_000)
        try files.write(String(repeating: "x", count: 5_000), at: "picture.png", modified: 1_700_000_000)
        let root = files.root
        let application = try Application(
            [
                URLSpec("/static/(.*)") { StaticFileHandler($0, root: root) },
                URLSpec("/user/(.*)") { UserFileHandler($0, root: root, precompressed: [.gzip]) },
            ], middleware: [Compression()])
        try await withServer(backend, application) { port in try body(TestClient(port: port)) }
    }

    private func ask(
        _ client: TestClient, _ path: String, _ fields: String..., method: String = "GET"
    ) throws -> TestClient.Response {
        let lines = fields.map { $0 + "\r\n" }.joined()
        return try client.ask("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", toHead: method == "HEAD")
    }

    @Test("a 304 has the tag and the Vary of the 200 for which it stands", arguments: testedBackends)
    func notModified(_ backend: IOBackend) async throws {
        try await withFiles(backend) { client in
            for coding in ["gzip", "br", "zstd", "identity"] {
                let accepted = "Accept-Encoding: \(coding)"
                let whole = try ask(client, "/static/long.txt", accepted)
                let tag = try #require(whole.field("ETag"))
                #expect(tag.hasSuffix("-\(coding)\"") == (coding != "identity"))
                #expect(whole.field("Vary") == "Accept-Encoding")
                let date = try #require(whole.field("Last-Modified"))
                for method in ["GET", "HEAD"] {
                    for condition in ["If-None-Match: \(tag)", "If-Modified-Since: \(date)"] {
                        let response = try ask(client, "/static/long.txt", accepted, condition, method: method)
                        #expect(response.status == 304)
                        #expect(response.field("ETag") == tag, "\(method), \(coding), \(condition)")
                        #expect(response.field("Vary") == "Accept-Encoding")
                        for name in ["Content-Type", "Content-Encoding", "Last-Modified", "Content-Length"] {
                            #expect(response.field(name) == nil, "\(name)")
                        }
                    }
                }
            }
            for path in ["/static/short.txt", "/static/picture.png"] {
                let tag = try #require(try ask(client, path, "Accept-Encoding: gzip").field("ETag"))
                let response = try ask(client, path, "Accept-Encoding: gzip", "If-None-Match: \(tag)")
                #expect(response.status == 304 && response.field("ETag") == tag, "\(path)")
                #expect(response.field("Vary") == nil, "\(path) is never compressed")
            }
        }
    }

    @Test("RFC 9110 8.8.3.3: the tag of another coding is no 304", arguments: testedBackends)
    func otherCodings(_ backend: IOBackend) async throws {
        try await withFiles(backend) { client in
            let codings = ["gzip", "br", "zstd", "identity"]
            let tags = try codings.map { coding in
                try #require(try ask(client, "/static/long.txt", "Accept-Encoding: \(coding)").field("ETag"))
            }
            for (coding, own) in zip(codings, tags) {
                for tag in tags {
                    for method in ["GET", "HEAD"] {
                        let response = try ask(
                            client, "/static/long.txt", "Accept-Encoding: \(coding)", "If-None-Match: \(tag)",
                            method: method)
                        #expect(response.status == (tag == own ? 304 : 200), "\(method), \(coding), \(tag)")
                        #expect(response.field("ETag") == own)
                    }
                }
                // A client with any of them knows the file, and may demand that it is the same.
                let known = try ask(client, "/static/long.txt", "Accept-Encoding: \(coding)", "If-Match: \(tags[0])")
                #expect(known.status == 200)
                let failed = try ask(client, "/static/long.txt", "Accept-Encoding: \(coding)", "If-Match: \"x\"")
                #expect(failed.status == 412 && failed.field("Vary") == "Accept" && failed.field("ETag") == nil)
            }
            // Parts are those of the file.
            let fields = ["Accept-Encoding: gzip", "Range: bytes=0-9", "If-None-Match: \(tags[0]), \(tags[3])"]
            let part = try ask(client, "/static/long.txt", fields.joined(separator: "\r\n"))
            #expect(part.status == 304 && part.field("ETag") == tags[3])
        }
    }

    @Test("a 206 has the Vary of the 200", arguments: testedBackends)
    func partial(_ backend: IOBackend) async throws {
        try await withFiles(backend) { client in
            for range in ["bytes=0-9", "bytes=0-9,100-109"] {
                let response = try ask(client, "/static/long.txt", "Accept-Encoding: gzip", "Range: \(range)")
                #expect(response.status == 206)
                #expect(response.field("Vary") == "Accept-Encoding")
                // The octets are those of the file.
                #expect(response.field("Content-Encoding") == nil)
                #expect(response.field("ETag")?.hasSuffix("-gzip\"") == false)
            }
            let short = try ask(client, "/static/short.txt", "Accept-Encoding: gzip", "Range: bytes=0-1")
            #expect(short.status == 206 && short.field("Vary") == nil)
        }
    }

    @Test("a Vary that is set already stays", arguments: testedBackends)
    func others(_ backend: IOBackend) async throws {
        try await withFiles(backend) { client in
            for fields in ["Accept: */*", "Range: bytes=0-1", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"] {
                let response = try ask(client, "/user/long.txt", fields)
                #expect(response.field("Vary") == "Cookie, Accept-Encoding", "\(fields)")
            }
            let lost = try ask(client, "/user/lost.txt", "Accept: application/json")
            #expect(lost.status == 404 && lost.field("Vary") == "Cookie, Accept")
        }
    }
}
