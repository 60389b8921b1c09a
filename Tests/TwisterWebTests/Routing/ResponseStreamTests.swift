import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("X-39: responses from asynchronous sequences")
struct ResponseStreamTests {
    private struct Failure: Error {}

    @Test("X-39: elements are sent as they come, as text or bytes", arguments: Setting.all)
    func elements(setting: Setting) async throws {
        let source = AsyncQueue<String>()
        let application = try Application([
            URLSpec(.get, "/text") { _ in ResponseStream(contentType: "text/csv", source) },
            URLSpec(.get, "/bytes") { _ in
                ResponseStream(
                    AsyncStream { continuation in
                        for byte: UInt8 in 1...3 { continuation.yield([byte]) }
                        continuation.finish()
                    })
            },
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let bytes = try await client.get("/bytes")
            #expect(bytes.body == [1, 2, 3])
            #expect(bytes.headers[.contentType] == "application/octet-stream")
            let head = try await client.head("/text")
            #expect(head.status == .ok && head.headers[.contentType] == "text/csv")
            try source.putNowait("a,b\n")
            let text = try await client.stream(.get, "/text")
            var lines = text.lines.makeAsyncIterator()
            #expect(try await lines.next() == "a,b")
            try source.putNowait("c,d\n")
            #expect(try await lines.next() == "c,d")
            // The sequence never ends: the client does.
            text.cancel()
            while try await client.requestsUnderWay > 0 { await Task.yield() }
        }
    }

    @Test("X-39: a client that does not read holds the sequence up", arguments: Setting.all)
    func backpressure(setting: Setting) async throws {
        let trace = Trace()
        let application = try Application([
            URLSpec(.get, "/") { _ in
                ResponseStream(
                    AsyncThrowingStream { () -> [UInt8]? in
                        trace.note("")
                        try Task.checkCancellation()
                        return [UInt8](repeating: 120, count: 65_536)
                    })
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.stream(.get, "/")
            // As soon as two looks show the same number, the sequence stands still.
            var before = -1
            while before != trace.all.count {
                before = trace.all.count
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(trace.all.count < 1_000)
            response.cancel()
            while try await client.requestsUnderWay > 0 { await Task.yield() }
        }
    }

    @Test("X-39: an error before the first element is a response, a later one cuts it", arguments: Setting.each)
    func errors(setting: Setting) async throws {
        let application = try Application([
            URLSpec(.get, "/([0-9])") { (_, count: Int) in
                ResponseStream(
                    AsyncThrowingStream<String, any Error> { continuation in
                        for _ in 0..<count { continuation.yield("x") }
                        continuation.finish(throwing: count == 0 ? HTTPError(.conflict) : Failure())
                    })
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            #expect(try await client.get("/0").status == .conflict)
            await #expect(throws: (any Error).self) { try await client.get("/2") }
        }
    }
}
