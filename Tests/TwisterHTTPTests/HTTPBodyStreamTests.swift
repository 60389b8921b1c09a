import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

@Suite("HTTPBodyStream", .serialized)
struct HTTPBodyStreamTests {
    private func receive(_ count: Int, _ stream: HTTPBodyStream) {
        [UInt8](repeating: 7, count: count).withUnsafeBytes { stream.receive($0) }
    }

    private var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, CInt(line.count), file) != nil else { return 0 }
        let fields = String(decoding: line.map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4096
    }

    /// Runs `body` on a loop of its own, with a stream that belongs to it.
    private func withStream(_ body: @escaping @Sendable (HTTPBodyStream) async throws -> Void) async throws {
        let loops = try await IOLoopGroup(count: 1)
        let loop = loops.loops[0]
        let result = await Task(executorPreference: loop) {
            try await body(HTTPBodyStream(loop, source: nil, highWatermark: 1 << 20))
        }.result
        await loops.stop()
        try result.get()
    }

    @Test("N-19: a reader that never catches up holds what waits for it, and no more")
    func lag() async throws {
        try await withStream { try await self.lag($0) }
    }

    private func lag(_ stream: HTTPBodyStream) async throws {
        for _ in 0..<4 { receive(16_384, stream) }
        let before = residentBytes
        for _ in 0..<20_000 {
            receive(16_384, stream)
            #expect(try await stream.next()?.count == 16_384)
        }
        #expect(stream.buffered == 4 * 16_384)
        #expect(residentBytes - before < 32 << 20)
    }

    @Test("N-19: single bytes are gathered, and come in order")
    func gathered() async throws {
        try await withStream { try await self.gathered($0) }
    }

    private func gathered(_ stream: HTTPBodyStream) async throws {
        for index in 0..<100_000 { [UInt8(index & 255)].withUnsafeBytes { stream.receive($0) } }
        stream.finish(.success(()))
        var bytes: [UInt8] = []
        var pieces = 0
        for try await piece in stream {
            bytes += piece
            pieces += 1
        }
        #expect(pieces == 7)
        #expect(bytes == (0..<100_000).map { UInt8($0 & 255) })
    }

    @Test("N-14: a handler that is slower than its client is cancelled when that resets", arguments: testedBackends)
    func resetWhilePaused(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withServer(backend, echo) { port in
            var client: TestClient? = try TestClient(port: port)
            try client?.send("PUT /unread?60000 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            try client?.send([UInt8](repeating: 1, count: 200_000))
            try await eventually("the handler waits") { echo.snapshot.executed == 1 }
            // Time to read as much as is read meanwhile.
            try await Task.sleep(for: .milliseconds(100))
            client?.reset()
            client = nil
            try await eventually("the handler is cancelled") { echo.snapshot.cancelled == 1 }
        }
    }
}
