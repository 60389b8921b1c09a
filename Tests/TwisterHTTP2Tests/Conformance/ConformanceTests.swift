import Testing
import TwisterIO
import TwisterTestSupport

@Suite("HTTP/2: conformance")
struct ConformanceTests {
    /// Each case has a connection of its own.
    private func run(_ cases: [ConformanceCase], _ backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            for entry in cases {
                do {
                    try entry.run(port)
                } catch {
                    Issue.record("\(entry.testDescription): \(error)")
                }
            }
        }
    }

    @Test("X-2: connections and streams (RFC 9113, 3 to 5)", arguments: testedBackends)
    func streams(backend: IOBackend) async throws { try await run(ConformanceCase.streams, backend) }

    @Test("X-2: each type of frame (RFC 9113, 6)", arguments: testedBackends)
    func frames(backend: IOBackend) async throws { try await run(ConformanceCase.frames, backend) }

    @Test("X-2: requests (RFC 9113, 7 and 8)", arguments: testedBackends)
    func requests(backend: IOBackend) async throws { try await run(ConformanceCase.requests, backend) }

    @Test("X-2: header compression (RFC 7541)", arguments: testedBackends)
    func compression(backend: IOBackend) async throws { try await run(ConformanceCase.compression, backend) }

    @Test("X-2: windows of responses (RFC 9113, 6.9)", arguments: testedBackends)
    func windows(backend: IOBackend) async throws { try await run(ConformanceCase.windows, backend) }

    @Test(
        "X-2: whatever comes instead of the preface, the connection is closed (RFC 9113, 3.4)",
        arguments: testedBackends)
    func preface(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            for text in [
                "INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
                "PRI * HTTP/2.0\r\nHost: a\r\n\r\n", "PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
            ] {
                let client = try TestClient(port: port)
                try client.send(text)
                #expect(throws: Never.self, "\(text)") { try client.receiveAll() }
            }
            // Cut at each place, it is one still.
            for cut in 1..<FrameClient.preface.count {
                let client = try TestClient(port: port)
                try client.send(Array(FrameClient.preface[..<cut]))
                try await Task.sleep(for: .milliseconds(2))
                try client.send(Array(FrameClient.preface[cut...]) + FrameClient.frame(FrameClient.FrameType.settings))
                let first = try client.receive() ?? []
                #expect(first.count >= 9 && first[3] == FrameClient.FrameType.settings, "cut at \(cut)")
            }
        }
    }

    @Test(
        "X-2: a frame other than SETTINGS behind the preface: PROTOCOL_ERROR (RFC 9113, 3.4)", arguments: testedBackends
    )
    func firstFrame(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            for frame in [
                FrameClient.frame(FrameClient.FrameType.ping, payload: [UInt8](repeating: 0, count: 8)),
                FrameClient.frame(FrameClient.FrameType.settings, flags: 1),
                FrameClient.frame(
                    FrameClient.FrameType.headers, flags: 5, stream: 1,
                    payload: FrameClient.block(FrameClient.request("GET", "/"))),
            ] {
                let client = try FrameClient(port: port, first: frame)
                #expect(try client.connectionError() == FrameClient.Code.protocolError)
            }
        }
    }
}
