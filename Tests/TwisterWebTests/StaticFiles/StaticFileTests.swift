import Glibc
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// `text` has 26 letters and was changed at this second.
private let changed = 1_700_000_000
private let changedDate = "Tue, 14 Nov 2023 22:13:20 GMT"
private let text = "abcdefghijklmnopqrstuvwxyz"

@Suite("Static files", .serialized)
struct StaticFileTests {
    /// Serves a directory with `text.txt`, and whatever `fill` adds, at `/static/`.
    private func withFiles(
        _ backend: IOBackend, defaultFilename: String? = nil, precompressed: [PrecompressedCoding] = [],
        fill: (TemporaryFiles) throws -> Void = { _ in },
        _ body: (TemporaryFiles, TestClient) throws -> Void
    ) async throws {
        let files = try TemporaryFiles()
        try files.write(text, at: "text.txt", modified: changed)
        try fill(files)
        let root = files.root
        let application = try Application([
            URLSpec("/static/(.*)") {
                StaticFileHandler(
                    $0, root: root, defaultFilename: defaultFilename, precompressed: precompressed)
            }
        ])
        try await withServer(backend, application) { port in try body(files, TestClient(port: port)) }
        #expect(files.openCount == 0)
    }

    private func ask(
        _ client: TestClient, _ path: String, _ fields: [String] = [], method: String = "GET"
    ) throws -> TestClient.Response {
        let lines = fields.map { $0 + "\r\n" }.joined()
        return try client.ask("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", toHead: method == "HEAD")
    }

    @Test("BH-1, BH-5: a file has its type and validators, and HEAD has the same head", arguments: testedBackends)
    func plain(backend: IOBackend) async throws {
        try await withFiles(
            backend,
            fill: {
                try $0.write("{}", at: "deep/er/data.json")
                try $0.write("?", at: "thing.unknownending")
                try $0.write("", at: "empty.css")
                try $0.write("x", at: "a b%.TXT")
            }
        ) { _, client in
            let whole = try ask(client, "/static/text.txt")
            #expect(whole.status == 200)
            #expect(whole.text == text)
            #expect(whole.field("Content-Type") == "text/plain; charset=utf-8")
            #expect(whole.field("Content-Length") == "26")
            #expect(whole.field("Last-Modified") == changedDate)
            #expect(whole.field("Accept-Ranges") == "bytes")
            #expect(whole.field("Cache-Control") == nil)
            #expect(whole.field("Vary") == nil)
            let tag = try #require(whole.field("ETag"))
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 4)

            let head = try ask(client, "/static/text.txt", ["Range: bytes=0-1"], method: "HEAD")
            #expect(head.status == 200)
            for name in ["Content-Type", "Content-Length", "Last-Modified", "ETag", "Accept-Ranges"] {
                #expect(head.field(name) == whole.field(name), "\(name)")
            }
            #expect(try ask(client, "/static/deep/er/data.json").field("Content-Type") == "application/json")
            #expect(try ask(client, "/static/thing.unknownending").field("Content-Type") == "application/octet-stream")
            let empty = try ask(client, "/static/empty.css")
            #expect(empty.status == 200 && empty.field("Content-Length") == "0")
            let spaced = try ask(client, "/static/a%20b%25.TXT")
            #expect(spaced.text == "x" && spaced.field("Content-Type") == "text/plain; charset=utf-8")
            #expect(try ask(client, "/static/text.txt", method: "POST").status == 405)
        }
    }

    @Test("BH-1, W-26: nothing outside of the root is served, and only regular files are", arguments: testedBackends)
    func outside(backend: IOBackend) async throws {
        try await withFiles(
            backend,
            fill: {
                try $0.link("out.txt", to: "../secret.txt")
                try $0.link("absolute.txt", to: "/etc/passwd")
                try $0.link("circle", to: "circle")
                try $0.link("inside.txt", to: "text.txt")
                try $0.write("x", at: "dir/x")
                #expect(mkfifo($0.path("pipe"), 0o600) == 0)
            }
        ) { _, client in
            let cases: [(path: String, status: [Int])] = [
                ("missing", [404]), ("text.txt/", [404]), ("text.txt/more", [404]), ("dir/missing", [404]),
                (String(repeating: "n", count: 300), [404]),
                ("..%2fsecret.txt", [403]), ("..%2f..%2fetc%2fpasswd", [403]), ("../secret.txt", [403]),
                ("dir/../../secret.txt", [403]), ("%2e%2e/secret.txt", [403]), ("/etc/passwd", [403]),
                ("%2fetc%2fpasswd", [403]), ("text.txt%00.jpg", [400, 403]), ("..%5csecret.txt", [404]),
                ("out.txt", [403]), ("absolute.txt", [403]), ("circle", [403]), ("pipe", [403]), ("dir", [403]),
                ("dir/", [403]), ("", [403]), ("%ff", [400]), ("inside.txt", [200]), ("./text.txt", [200]),
            ]
            for (path, status) in cases {
                let response = try ask(client, "/static/" + path)
                #expect(status.contains(response.status), "\(path): \(response.status)")
                #expect(!response.text.contains("secret") && !response.text.contains("root:"), "\(path)")
            }
        }
    }

    @Test(
        "BH-1: a directory's default file is served, and a path without its slash is redirected",
        arguments: testedBackends)
    func directories(backend: IOBackend) async throws {
        try await withFiles(
            backend, defaultFilename: "index.html",
            fill: {
                try $0.write("deep", at: "dir/index.html")
                try $0.write("top", at: "index.html")
                try $0.write("x", at: "bare/x")
            }
        ) { _, client in
            #expect(try ask(client, "/static/").text == "top")
            let index = try ask(client, "/static/dir/")
            #expect(index.text == "deep" && index.field("Content-Type") == "text/html; charset=utf-8")
            let redirect = try ask(client, "/static/dir?a=1")
            #expect(redirect.status == 301 && redirect.field("Location") == "/static/dir/?a=1")
            #expect(try ask(client, "/static/bare/").status == 404)
        }
    }

    @Test("BH-1: a redirect to a directory leads to no other host", arguments: testedBackends)
    func openRedirect(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try files.write("x", at: "dir/index.html")
        let root = files.root
        let application = try Application([
            URLSpec("/(?:/|)(.*)") { StaticFileHandler($0, root: root, defaultFilename: "index.html") }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try ask(client, "/dir").field("Location") == "/dir/")
            let response = try ask(client, "//dir")
            #expect(response.status == 403 && response.field("Location") == nil)
        }
    }

    @Test("BH-1, W-21: conditions, by their precedence (RFC 9110, 13.2.2)", arguments: testedBackends)
    func conditions(backend: IOBackend) async throws {
        try await withFiles(backend) { _, client in
            let tag = try #require(try ask(client, "/static/text.txt").field("ETag"))
            let later = "Wed, 15 Nov 2023 22:13:20 GMT"
            let earlier = "Mon, 13 Nov 2023 22:13:20 GMT"
            let cases: [(fields: [String], status: Int)] = [
                (["If-None-Match: \(tag)"], 304), (["If-None-Match: W/\(tag)"], 304), (["If-None-Match: *"], 304),
                (["If-None-Match: \"other\", \(tag)"], 304), (["If-None-Match: \"other\""], 200),
                (["If-Modified-Since: \(changedDate)"], 304), (["If-Modified-Since: \(later)"], 304),
                (["If-Modified-Since: \(earlier)"], 200), (["If-Modified-Since: nonsense"], 200),
                (["If-None-Match: \"other\"", "If-Modified-Since: \(later)"], 200),
                (["If-Match: \(tag)"], 200), (["If-Match: *"], 200), (["If-Match: \"other\""], 412),
                (["If-Match: W/\(tag)"], 412), (["If-Unmodified-Since: \(changedDate)"], 200),
                (["If-Unmodified-Since: \(earlier)"], 412), (["If-Unmodified-Since: nonsense"], 200),
                (["If-Match: \(tag)", "If-Unmodified-Since: \(earlier)"], 200),
                (["If-Match: \"other\"", "If-None-Match: \(tag)"], 412),
                (["If-Match: \(tag)", "If-None-Match: \(tag)"], 304),
                (["If-None-Match: \(tag)", "Range: bytes=0-1"], 304),
            ]
            for (fields, status) in cases {
                for method in ["GET", "HEAD"] {
                    let response = try ask(client, "/static/text.txt", fields, method: method)
                    #expect(response.status == status, "\(method) \(fields): \(response.status)")
                    guard response.status == 304 else { continue }
                    #expect(response.field("ETag") == tag)
                    #expect(response.field("Date") != nil)
                    for name in ["Content-Type", "Content-Length", "Last-Modified", "Accept-Ranges"] {
                        #expect(response.field(name) == nil, "\(name)")
                    }
                }
            }
        }
    }

    @Test(
        "BH-2, W-22: one range is served, an unsatisfiable one is refused, malformed fields are ignored",
        arguments: testedBackends)
    func oneRange(backend: IOBackend) async throws {
        try await withFiles(backend, fill: { try $0.write("", at: "empty") }) { _, client in
            let cases: [(range: String, body: String, contentRange: String)] = [
                ("bytes=0-4", "abcde", "bytes 0-4/26"), ("bytes=20-", "uvwxyz", "bytes 20-25/26"),
                ("bytes=-3", "xyz", "bytes 23-25/26"), ("bytes=-100", text, "bytes 0-25/26"),
                ("bytes=24-99999999999999999999999", "yz", "bytes 24-25/26"),
                ("BYTES=1-1", "b", "bytes 1-1/26"),
                ("bytes=0-3,2-5", "abcdef", "bytes 0-5/26"), ("bytes=5-6,99-", "fg", "bytes 5-6/26"),
            ]
            for (range, body, contentRange) in cases {
                let response = try ask(client, "/static/text.txt", ["Range: \(range)"])
                #expect(response.status == 206, "\(range)")
                #expect(response.text == body, "\(range)")
                #expect(response.field("Content-Range") == contentRange, "\(range)")
                #expect(response.field("Content-Type") == "text/plain; charset=utf-8")
                #expect(response.field("ETag") != nil)
            }
            for range in ["bytes=26-", "bytes=99-100", "bytes=-0", "bytes=30-40,50-60"] {
                let response = try ask(client, "/static/text.txt", ["Range: \(range)"])
                #expect(response.status == 416, "\(range)")
                #expect(response.field("Content-Range") == "bytes */26", "\(range)")
            }
            for range in ["bytes=4-2", "bytes=a-b", "bytes=", "bytes", "lines=1-2", "bytes=1-2-3", "bytes=--1"] {
                let response = try ask(client, "/static/text.txt", ["Range: \(range)"])
                #expect(response.status == 200 && response.text == text, "\(range)")
                #expect(response.field("Content-Range") == nil, "\(range)")
            }
            #expect(try ask(client, "/static/empty", ["Range: bytes=0-"]).status == 416)
            #expect(try ask(client, "/static/empty", ["Range: bytes=-5"]).status == 200)
        }
    }

    @Test("N-31, W-23: several ranges are multipart/byteranges", arguments: testedBackends)
    func severalRanges(backend: IOBackend) async throws {
        try await withFiles(backend) { _, client in
            let response = try ask(client, "/static/text.txt", ["Range: bytes=20-21, 0-1,-1"])
            #expect(response.status == 206)
            #expect(response.field("Content-Range") == nil)
            let type = try #require(response.field("Content-Type"))
            let prefix = "multipart/byteranges; boundary="
            #expect(type.hasPrefix(prefix))
            let boundary = type.dropFirst(prefix.count)
            func part(_ range: String, _ body: String) -> String {
                "--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes \(range)/26\r\n\r\n\(body)\r\n"
            }
            #expect(
                response.text == part("20-21", "uv") + part("0-1", "ab") + part("25-25", "z") + "--\(boundary)--\r\n")
            #expect(response.field("Content-Length") == "\(response.body.count)")
            // So many ranges are an attack: the field is ignored, and the connection stays open.
            let many = (0..<100).map { "\($0 % 13 * 2)-\($0 % 13 * 2)" }.joined(separator: ",")
            let whole = try ask(client, "/static/text.txt", ["Range: bytes=\(many)"])
            #expect(whole.status == 200 && whole.text == text)
        }
    }

    @Test("W-24: a range of a file that has changed is ignored", arguments: testedBackends)
    func ifRange(backend: IOBackend) async throws {
        try await withFiles(backend) { files, client in
            let tag = try #require(try ask(client, "/static/text.txt").field("ETag"))
            let cases: [(field: String, status: Int)] = [
                (tag, 206), (changedDate, 206), ("\"other\"", 200), ("W/\(tag)", 200), ("\(tag), \"b\"", 200),
                ("Wed, 15 Nov 2023 22:13:20 GMT", 200), ("Mon, 13 Nov 2023 22:13:20 GMT", 200), ("nonsense", 200),
            ]
            for (field, status) in cases {
                let response = try ask(client, "/static/text.txt", ["Range: bytes=0-1", "If-Range: \(field)"])
                #expect(response.status == status, "\(field)")
                // Without a satisfied If-Range not even an impossible range is an error.
                if status == 200 {
                    let fields = ["Range: bytes=99-", "If-Range: \(field)"]
                    #expect(try ask(client, "/static/text.txt", fields).status == 200, "\(field)")
                }
            }
            try files.write("changed", at: "text.txt", modified: changed + 5)
            let response = try ask(client, "/static/text.txt", ["Range: bytes=0-1", "If-Range: \(tag)"])
            #expect(response.status == 200 && response.text == "changed")
            #expect(response.field("ETag") != tag)
        }
    }

    @Test("BH-5: two servers with copies of a file give it the same tag", arguments: testedBackends)
    func copies(backend: IOBackend) async throws {
        var tags: [String?] = []
        for _ in 0..<2 {
            try await withFiles(backend) { _, client in
                tags.append(try ask(client, "/static/text.txt").field("ETag"))
            }
        }
        #expect(tags == ["\"1a-6553f100-0\"", "\"1a-6553f100-0\""])
    }

    @Test("BH-4: a URL with a version may be cached for ten years", arguments: testedBackends)
    func caching(backend: IOBackend) async throws {
        try await withFiles(backend) { files, client in
            let url = StaticFileHandler.makeStaticURL("text.txt", root: files.root)
            #expect(url.hasPrefix("/static/text.txt?v=1a-"))
            let response = try ask(client, url)
            #expect(response.status == 200)
            #expect(response.field("Cache-Control") == "max-age=315360000, immutable")
            #expect(response.field("Expires")?.hasSuffix(" GMT") == true)
            let tag = try #require(response.field("ETag"))
            let unchanged = try ask(client, url, ["If-None-Match: \(tag)"])
            #expect(unchanged.status == 304 && unchanged.field("Cache-Control") == "max-age=315360000, immutable")
            files.setTime(of: "text.txt", changed + 1)
            #expect(StaticFileHandler.makeStaticURL("text.txt", root: files.root) != url)
            #expect(StaticFileHandler.makeStaticURL("none here", root: files.root, prefix: "/f/") == "/f/none%20here")
            #expect(StaticFileHandler.makeStaticURL("../secret.txt", root: files.root) == "/static/../secret.txt")
        }
    }

    @Test("N-31: precompressed files are served, each with its own tag", arguments: testedBackends)
    func precompressed(backend: IOBackend) async throws {
        try await withFiles(
            backend, precompressed: [.brotli, .gzip],
            fill: {
                try $0.write("gzipped", at: "text.txt.gz", modified: changed)
                try $0.write("brotlied", at: "text.txt.br", modified: changed)
                try $0.write("new", at: "stale.txt", modified: changed)
                try $0.write("old", at: "stale.txt.gz", modified: changed - 100)
            }
        ) { _, client in
            let cases: [(accept: String?, coding: String?, body: String)] = [
                (nil, nil, text), ("gzip", "gzip", "gzipped"), ("x-gzip", "gzip", "gzipped"),
                ("gzip, br", "br", "brotlied"), ("gzip, br;q=0.5", "gzip", "gzipped"), ("gzip;q=0", nil, text),
                ("*", "br", "brotlied"), ("*;q=0", nil, text), ("identity, gzip;q=0.5", nil, text), ("zstd", nil, text),
            ]
            var tags: Set<String> = []
            for (accept, coding, body) in cases {
                let response = try ask(client, "/static/text.txt", accept.map { ["Accept-Encoding: \($0)"] } ?? [])
                #expect(response.status == 200 && response.text == body, "\(accept ?? "-")")
                #expect(response.field("Content-Encoding") == coding, "\(accept ?? "-")")
                #expect(response.field("Vary") == "Accept-Encoding")
                #expect(response.field("Content-Type") == "text/plain; charset=utf-8")
                tags.insert(response.field("ETag") ?? "")
            }
            #expect(tags.count == 3)
            let stale = try ask(client, "/static/stale.txt", ["Accept-Encoding: gzip"])
            #expect(stale.text == "new" && stale.field("Content-Encoding") == nil)
        }
    }

    @Test("BH-6: a large file is sent unchanged, and so are pipelined ones", arguments: testedBackends)
    func large(backend: IOBackend) async throws {
        var bytes: [UInt8] = []
        for number in 0..<1_000_000 { bytes.append(UInt8(truncatingIfNeeded: number &* 31 &+ number >> 8)) }
        let content = bytes
        try await withFiles(backend, fill: { try $0.write(content, at: "large.bin") }) { _, client in
            #expect(try ask(client, "/static/large.bin").body == content)
            let request = "GET /static/large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=100000-900000,10-20\r\n\r\n"
            try client.send(request + "GET /static/text.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            let parts = try client.receiveResponse()
            #expect(parts.status == 206 && parts.body.count > 800_000)
            let start = try #require(parts.body.indices.first { parts.body[$0...].starts(with: [13, 10, 13, 10]) }) + 4
            #expect(parts.body[start...].starts(with: content[100_000...900_000]))
            #expect(try client.receiveResponse().text == text)
        }
    }

    @Test("a file that becomes shorter while it is sent cuts the connection", arguments: testedBackends)
    func truncated(backend: IOBackend) async throws {
        let size = 64 << 20
        try await withFiles(
            backend,
            fill: {
                try $0.write("", at: "large.bin")
                #expect(truncate($0.path("large.bin"), size) == 0)
            }
        ) { files, client in
            try client.send("GET /static/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.receive(1000)
            #expect(truncate(files.path("large.bin"), 1000) == 0)
            let rest = try client.receiveAll()
            #expect(rest.count < size)
        }
    }

    @Test("after a client has disconnected in the middle no file is open", arguments: testedBackends)
    func leaving(backend: IOBackend) async throws {
        try await withFiles(
            backend,
            fill: {
                try $0.write("", at: "large.bin")
                #expect(truncate($0.path("large.bin"), 256 << 20) == 0)
            }
        ) { files, client in
            try client.send("GET /static/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.receive(1000)
            #expect(files.openCount == 1)
            client.reset()
            for _ in 0..<500 where files.openCount > 0 { usleep(10_000) }
            #expect(files.openCount == 0)
        }
    }

    /// Serves no dot files, and adds a field of its own.
    private final class CarefulHandler: StaticFileHandler {
        override func validatePath(_ path: String) throws -> String {
            guard !path.hasPrefix(".") else { throw HTTPError(.notFound) }
            return path == "alias" ? "text.txt" : path
        }
        override func contentType(_ path: String) -> String { "text/x-\(path)" }
        override func cacheTime(_ path: String) -> Duration { .seconds(60) }
        override func computeETag(_ path: String, version: String) -> String? { path == "text.txt" ? nil : "fixed" }
        override func setExtraHeaders(_ path: String) throws { try setHeader(.server, "careful") }
    }

    @Test("BH-3: a subclass changes path, type, cache time, tag and fields", arguments: testedBackends)
    func overridden(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try files.write(text, at: "text.txt", modified: changed)
        try files.write("hidden", at: ".hidden")
        try files.write("b", at: "b")
        let root = files.root
        let application = try Application([URLSpec("/(.*)") { CarefulHandler($0, root: root) }])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try ask(client, "/.hidden").status == 404)
            let alias = try ask(client, "/alias")
            #expect(alias.text == text && alias.field("Content-Type") == "text/x-text.txt")
            #expect(alias.field("ETag") == nil && alias.field("Cache-Control") == "max-age=60")
            #expect(alias.field("Server") == "careful")
            #expect(try ask(client, "/b").field("ETag") == "\"fixed\"")
            let unchanged = try ask(client, "/alias", ["If-Modified-Since: \(changedDate)"])
            #expect(unchanged.status == 304 && unchanged.field("Last-Modified") == changedDate)
            #expect(unchanged.field("Server") == "careful")
        }
    }

    @Test("BH-6: files that are not in the kernel's cache are opened by another thread", arguments: testedBackends)
    func offLoop(backend: IOBackend) async throws {
        // The kernel asks procfs anew for each of these files, so that opening one without waiting is refused.
        let application = try Application([
            URLSpec("/own/(.*)") { StaticFileHandler($0, root: "/proc/self/fdinfo", precompressed: [.gzip]) }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try FileRoot("/proc/self/fdinfo").isCached("0") == false)
            let found = try ask(client, "/own/0", ["Accept-Encoding: gzip"])
            #expect(found.status == 200 && found.field("Content-Length") == "0")
            #expect(try ask(client, "/own/0", method: "HEAD").status == 200)
            #expect(try ask(client, "/own/999999").status == 404)
            #expect(try ask(client, "/own/").status == 403)
        }
    }

    @Test("BH-6: a long file that is not in the page cache", arguments: testedBackends)
    func coldFile(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        let size = 5 * (1 << 20) + 11
        // Its content is a hole, which the kernel has to make pages for.
        try files.write("", at: "hole")
        #expect(truncate(files.root + "/hole", size) == 0)
        let root = files.root
        let application = try Application([URLSpec("/static/(.*)") { StaticFileHandler($0, root: root) }])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let whole = try ask(client, "/static/hole")
            #expect(whole.status == 200 && whole.body == [UInt8](repeating: 0, count: size))
            let parts = try ask(client, "/static/hole", ["Range: bytes=0-99999,2000000-2099999"])
            #expect(parts.status == 206 && parts.body.filter { $0 == 0 }.count == 200_000)
            #expect(try ask(client, "/static/hole").body.count == size, "the next one on the same connection")
        }
    }

    @Test("X-47: how long caches may use a file, by its media type", arguments: testedBackends)
    func cacheTimes(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        for name in ["a.css", "a.html", "a.png", "a.bin", "a.gz"] { try files.write("x", at: name) }
        let root = files.root
        let application = try Application([
            URLSpec("/static/(.*)") {
                StaticFileHandler(
                    $0, root: root,
                    cacheTimes: [
                        "TEXT/CSS": .seconds(60), "text/*": .seconds(30), "application/gzip": .zero, "*/*": .seconds(5),
                    ])
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let expected: [(String, String?)] = [
                ("a.css", "max-age=60"), ("a.html", "max-age=30"), ("a.png", "max-age=5"), ("a.bin", "max-age=5"),
                ("a.gz", nil), ("a.css?v=1", "max-age=315360000, immutable"),
            ]
            for (name, field) in expected {
                #expect(try ask(client, "/static/\(name)").field("Cache-Control") == field, "\(name)")
            }
        }
    }
}

extension FileRoot {
    /// Whether a file is opened without waiting for a disk.
    fileprivate func isCached(_ path: String) throws(IOError) -> Bool {
        do throws(IOError) {
            _ = try open(path, .cached)
            return true
        } catch {
            if error.isNotCached { return false }
            throw error
        }
    }
}
