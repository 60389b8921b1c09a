import Testing
import TwisterIO
import TwisterTestSupport

/// The client that the tests themselves use.
@Suite
struct TranslationTests {
    @Test(
        "responses that come while requests are sent are all there afterwards",
        .enabled(if: TestClient.speaksHTTP2, "only the windows of HTTP/2 have a client receive while it sends"))
    func receivedWhileSending() async throws {
        try await withServer(.epoll, Echo()) { port in
            let client = try TestClient(port: port)
            let body = String(repeating: "x", count: 20_000)
            try client.send(
                (0..<30).map { "PUT /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n\(body)" }.joined())
            for number in 0..<30 { #expect(try client.receiveResponse().text == "PUT /\(number) a \(body)") }
        }
    }
}
