import Glibc
import Testing

@testable import TwisterIO

private func makePipe(_ loop: IOLoop) throws -> (reading: PipeIOStream, writing: PipeIOStream) {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    // A process that another test starts must not hold an end open.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (try PipeIOStream(loop, fileDescriptor: ends[0]), try PipeIOStream(loop, fileDescriptor: ends[1]))
}

@Suite("PipeIOStream")
struct PipeIOStreamTests {
    @Test("IOS-20: a pipe is read and written as a socket is", arguments: backends)
    func readsAndWrites(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (reading, writing) = try makePipe(loop)
            try await writing.write("one\ntwo")
            #expect(text(try await reading.readUntil("\n")) == "one\n")
            #expect(text(try await reading.readBytes(3)) == "two")
            let rest = inTask(loop, reading) { text(try await $0.readUntilClose()) }
            try await loop.pass()
            try await writing.write("rest")
            writing.shutDownWriting()
            #expect(writing.isClosed)
            #expect(try await rest.value == "rest")
            reading.close()
            #expect(loop.statistics.watches == 0)
        }
    }

    @Test("IOS-10, IOS-20: back-pressure through a pipe, 16 MiB with a slow reader", arguments: backends)
    func backPressure(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (reading, writing) = try makePipe(loop)
            let size = 16 << 20
            let write = inTask(loop, writing) { writing in
                let piece = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 / 251) }
                for _ in 0..<(size / piece.count) {
                    try await writing.write(piece)
                    #expect(writing.outputCount <= 65_536)
                }
                writing.closeAfterWriting()
            }
            var received = 0
            while received < size {
                received += try await reading.readBytes(100_000, partial: true).count
                #expect(reading.input.count < 1 << 18)
                if received % 7 == 0 { try await loop.pass(1) }
            }
            try await write.value
            await #expect(throws: StreamClosedError.self) { try await reading.readBytes(1) }
            #expect(reading.isClosed)
        }
    }

    @Test("IOS-20, IOS-21: a pipe that nobody reads is EPIPE, not the end of the process", arguments: backends)
    func brokenPipe(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (reading, writing) = try makePipe(loop)
            reading.close()
            try await loop.until {
                writing.enqueue([0x78])
                return writing.isClosed
            }
            guard case .failed(let error)? = writing.closeReason else {
                Issue.record("\(String(describing: writing.closeReason))")
                return
            }
            #expect(error.errnoCode == EPIPE)
        }
    }

    @Test("IOS-12, IOS-20: the close callback of a writing end notices that the reader has left", arguments: backends)
    func closeCallback(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (reading, writing) = try makePipe(loop)
            let isClosed = Box(false)
            writing.setCloseCallback { isClosed.value = true }
            try await loop.pass()
            #expect(!isClosed.value)
            reading.close()
            try await loop.until { isClosed.value }
        }
    }

    @Test("IOS-20: a descriptor that is not open is EBADF", arguments: backends)
    func badDescriptor(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let error = #expect(throws: IOError.self) { try PipeIOStream(loop, fileDescriptor: 1_000_000) }
            #expect(error?.errnoCode == EBADF)
        }
    }
}
