import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterTesting
import TwisterWeb

@Suite("The stream of a collected body") struct CollectedStreamTests {
    private func makeApplication() throws -> Application {
        try Application([
            URLSpec(.post, "/") { handler in
                var sizes: [Int] = []
                for try await chunk in handler.request.bodyStream { sizes.append(chunk.count) }
                // As with a streamed body, the second reader gets nothing.
                for try await chunk in handler.request.bodyStream { sizes.append(-chunk.count) }
                return "\(sizes) \(handler.request.body.count)"
            }
        ])
    }

    @Test("it yields the body once, in one piece", arguments: TestDepth.allCases)
    func whole(depth: TestDepth) async throws {
        try await makeApplication().test(depth) { client in
            let empty = try await client.post("/")
            #expect(empty.text == "[] 0")
            #expect(try await client.post("/", body: .bytes([1, 2, 3])).text == "[3] 3")
            let large = [UInt8](repeating: 7, count: 300_000)
            #expect(try await client.post("/", body: .bytes(large)).text == "[300000] 300000")
        }
    }

    @Test("requests of one connection have streams of their own", arguments: testedBackends)
    func keptAlive(backend: IOBackend) async throws {
        try await withServer(backend, makeApplication()) { port in
            let client = try TwisterTestSupport.TestClient(port: port)
            for body in ["abc", "", "abcdef"] {
                let response = try client.ask(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                #expect(response.text == (body.isEmpty ? "[] 0" : "[\(body.utf8.count)] \(body.utf8.count)"))
            }
        }
    }
}
