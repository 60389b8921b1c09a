import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Static files: paths that a subclass changes", .serialized)
struct StaticFilePathTests {
    /// Serves the names of files in the form in which they are on the disk.
    private final class ComposingHandler: StaticFileHandler {
        // Swift compares text by canonical equivalence.
        override func validatePath(_ path: String) throws -> String { path == "\u{E9}" ? "\u{E9}" : path }
    }

    @Test("BH-3: a path that differs only in its normal form is opened as returned", arguments: testedBackends)
    func normalized(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try files.write("composed", at: "\u{E9}")
        let root = files.root
        let application = try Application([URLSpec("/(.*)") { ComposingHandler($0, root: root) }])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for path in ["/%C3%A9", "/e%CC%81"] {
                #expect(try client.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").text == "composed", "\(path)")
            }
        }
    }
}
