import Testing
import TwisterCompression

/// BH-11, N-32, X-45: which responses are compressed, and when `Vary` names Accept-Encoding.
struct ResponseCodingDecisionTests {
    private typealias Response = ResponseCodingDecision.Response

    private func decide(
        _ response: Response, method: String = "GET", accepts: String? = "gzip, br, zstd",
        settings: CompressionSettings = CompressionSettings()
    ) -> String {
        let decision = ResponseCodingDecision(response, method: method, acceptEncoding: accepts, settings: settings)
        return (decision.coding.map { "\($0.name)" } ?? "none") + (decision.varies ? " varies" : "")
    }

    @Test(
        "N-32: by the client's field",
        arguments: [
            (nil, "none varies"), ("", "none varies"), ("gzip", "gzip varies"), ("gzip;q=0", "none varies"),
            ("gzip, br", "br varies"), ("gzip;q=1, br;q=0.9", "gzip varies"), ("*", "zstd varies"),
            ("identity;q=0", "none varies"), ("identity;q=0, *", "zstd varies"), ("deflate", "none varies"),
        ] as [(String?, String)])
    func accepted(field: String?, expected: String) {
        #expect(decide(Response(contentType: "text/html", length: 2_000), accepts: field) == expected)
    }

    @Test("BH-11: by length, from 1,024 bytes, and whenever it is not known")
    func length() {
        for (length, expected) in [(1_023, "none"), (0, "none"), (1_024, "zstd varies"), (nil, "zstd varies")] {
            #expect(decide(Response(contentType: "text/html", length: length)) == expected)
        }
        var settings = CompressionSettings()
        settings.minimumSize = -5
        #expect(decide(Response(contentType: "text/html", length: 0), settings: settings) == "none")
        #expect(decide(Response(contentType: "text/html", length: 1), settings: settings) == "zstd varies")
    }

    @Test("BH-11: by the status and the fields of the response")
    func response() {
        let base = Response(contentType: "text/html", length: 5_000)
        let changed = { (change: (inout Response) -> Void) in
            var response = base
            change(&response)
            return response
        }
        for status in [100, 101, 103, 204, 205, 206] { #expect(decide(changed { $0.status = status }) == "none") }
        for status in [200, 201, 301, 404, 500] { #expect(decide(changed { $0.status = status }) == "zstd varies") }
        #expect(decide(changed { $0.contentEncoding = "deflate" }) == "none")
        #expect(decide(changed { $0.contentEncoding = "identity" }) == "none")
        #expect(decide(changed { $0.contentRange = "bytes 0-9/10" }) == "none")
        #expect(decide(changed { $0.cacheControl = "public, No-Transform" }) == "none")
        #expect(decide(changed { $0.cacheControl = "max-age=1, x-no-transform" }) == "zstd varies")
        #expect(decide(changed { $0.contentType = nil }) == "none")
        #expect(decide(changed { $0.contentType = "image/png" }) == "none")
        #expect(decide(base, method: "HEAD") == "zstd varies")
        #expect(decide(base, method: "POST") == "zstd varies")
        #expect(decide(base, method: "CONNECT") == "none")
    }

    @Test("RFC 9110 15.4.5: a 304 has the Vary of the 200 that it stands for")
    func notModified() {
        #expect(decide(Response(status: 304)) == "none varies")
        #expect(decide(Response(status: 304, contentType: "text/css", length: 0)) == "none varies")
        #expect(decide(Response(status: 304, contentType: "image/png")) == "none")
    }

    @Test("X-45: by the server's codings")
    func codings() {
        var settings = CompressionSettings()
        settings.codings = [.gzip]
        let response = Response(contentType: "application/json", length: nil)
        #expect(decide(response, settings: settings) == "gzip varies")
        #expect(decide(response, accepts: "br", settings: settings) == "none varies")
        settings.codings = []
        #expect(decide(response, settings: settings) == "none")
        settings.codings = [.gzip, .zstandard]
        #expect(decide(response, settings: settings) == "gzip varies")
    }

    @Test(
        "BH-11: media types that are compressed",
        arguments: [
            "text/plain", "TEXT/HTML; charset=UTF-8", " text/css ;x", "application/javascript",
            "application/x-javascript",
            "application/xml", "application/atom+xml", "application/json", "application/xhtml+xml", "image/svg+xml",
            "application/problem+json", "application/rss+xml", "application/wasm", "application/manifest+json",
            "font/ttf",
        ])
    func compressible(type: String) {
        #expect(CompressibleTypes().contains(type))
    }

    @Test(
        "BH-11: media types that are not compressed",
        arguments: [
            "", ";", "text", "text/", "/json", "image/png", "application/octet-stream", "application/zip", "font/woff2",
            "video/mp4", "application/jsonx", "xtext/plain", "text/event-stream", "Text/Event-Stream; charset=utf-8",
            "multipart/byteranges; boundary=x", "application/gzip", "image/x+xml",
            "application/" + String(repeating: "a", count: 300) + "+json",
        ])
    func incompressible(type: String) {
        #expect(!CompressibleTypes().contains(type))
    }

    @Test("an application changes the media types")
    func types() {
        var types = CompressibleTypes()
        types.insert("text/Event-Stream")
        types.insert("application/x-ndjson")
        types.remove("text/CSV")
        types.remove("application/json")
        #expect(types.contains("text/event-stream") && types.contains("application/x-ndjson"))
        #expect(!types.contains("text/csv") && !types.contains("application/json"))
        types.insert("text/csv")
        #expect(types.contains("text/csv"))
    }
}
