import Glibc
import Testing

@testable import TwisterIO

/// How a stream ends that its application has done with.
struct IOStreamEndTests {
    /// A stream with output for a peer that takes `step` bytes of it each second, until it has all or the stream ends.
    private func closeAfterWriting(
        _ backend: IOBackend, size: Int, step: Int
    ) async throws -> (received: Int, error: CInt?) {
        let clock = ManualClock()
        return try await withLoop(backend, clock: clock) { loop in
            let (stream, peer) = try makeStream(loop)
            stream.enqueue([UInt8](repeating: 1, count: size))
            stream.closeAfterWriting()
            var received = 0
            for _ in 0..<400 {
                let count = peer.receive(step).count
                received += count
                if stream.isClosed, count == 0 { break }
                clock.advance(by: .seconds(1), waking: loop)
                // What the peer made room for is sent in a turn of its own.
                for _ in 0..<2 {
                    loop.callLater(.zero) { loop.stop() }
                    loop.run()
                }
            }
            guard case .failed(let error) = stream.closeReason else { return (received, nil) }
            return (received, error.errnoCode)
        }
    }

    @Test("closeAfterWriting gives a peer that is slow the time that it needs", arguments: backends)
    func slow(_ backend: IOBackend) async throws {
        let (received, error) = try await closeAfterWriting(backend, size: 8 << 20, step: 65_536)
        #expect(received == 8 << 20)
        #expect(error == nil)
    }

    @Test("closeAfterWriting gives up a peer that has taken nothing for 30 s", arguments: backends)
    func stalled(_ backend: IOBackend) async throws {
        let (received, error) = try await closeAfterWriting(backend, size: 8 << 20, step: 0)
        #expect(received == 0)
        #expect(error == ETIMEDOUT)
    }
}
