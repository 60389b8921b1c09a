import Glibc
import TwisterIO

/// Sends bytes to the echo server and back through one stream with a slow reader, and measures the memory.
enum SelfTest {
    struct Result: CustomStringConvertible {
        let sent: Int
        let received: Int
        let seconds: Double
        /// The process's largest resident size, in KiB, before and after.
        let peakBefore: Int
        let peakAfter: Int

        var isComplete: Bool { sent == received }

        var description: String {
            "\(sent) bytes there, \(received) back in \(seconds) s; "
                + "peak RSS \(peakAfter) KiB, \(peakAfter - peakBefore) KiB of it since the start"
        }
    }

    static func run(_ loop: IOLoop, bytes: Int) throws -> Result {
        let outcome = Outcome()
        loop.spawnCallback {
            defer { loop.stop() }
            outcome.result = try await measure(loop, bytes)
        }
        loop.run()
        return outcome.result ?? Result(sent: bytes, received: 0, seconds: 0, peakBefore: 0, peakAfter: 0)
    }

    /// The result, passed from the loop's task to the loop's own thread.
    private final class Outcome: @unchecked Sendable {
        var result: Result?
    }

    private static func measure(_ loop: IOLoop, _ bytes: Int) async throws -> Result {
        let server = TCPServer(loop, handler: echo)
        try server.listen(port: 0, address: "127.0.0.1")
        let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: server.port ?? 0)
        let peakBefore = peakResidentSize()
        let start = loop.time()

        let writer = Writer(stream, bytes)
        let writing = Task(executorPreference: loop) { try await writer.run() }
        let received = try await readSlowly(stream, loop)
        try await writing.value

        server.stop()
        stream.close()
        return Result(
            sent: bytes, received: received, seconds: start.duration(to: loop.time()) / .seconds(1),
            peakBefore: peakBefore, peakAfter: peakResidentSize())
    }

    /// Reads to the end, and pauses after each mebibyte.
    private static func readSlowly(_ stream: IOStream, _ loop: IOLoop) async throws -> Int {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { memory.deallocate() }
        var received = 0
        var rested = 0
        do {
            while true {
                received += try await stream.readInto(memory, partial: true)
                if received - rested >= 1 << 20 {
                    rested = received
                    try await loop.sleep(for: .milliseconds(1))
                }
            }
        } catch is StreamClosedError {
            return received
        }
    }

    /// Writes, beside the reader, on the same stream and the same loop.
    private final class Writer: @unchecked Sendable {
        private let stream: IOStream
        private let bytes: Int

        init(_ stream: IOStream, _ bytes: Int) {
            self.stream = stream
            self.bytes = bytes
        }

        func run() async throws {
            let piece = [UInt8](repeating: 0x61, count: 65_536)
            var left = bytes
            while left > 0 {
                try await stream.write(left < piece.count ? Array(piece[..<left]) : piece)
                left -= min(left, piece.count)
            }
            stream.shutDownWriting()
        }
    }

    private static func peakResidentSize() -> Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss
    }
}
