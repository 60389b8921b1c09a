import Glibc
import Testing

@testable import TwisterIO

@Suite("IOStream, writing")
struct IOStreamWritingTests {
    @Test("IOS-10, IOS-14: write returns below the high watermark and waits above it", arguments: backends)
    func watermarks(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            try await stream.write([1, 2, 3])
            #expect(stream.isWriting)
            try await stream.flush()
            #expect(!stream.isWriting)
            #expect(peer.receive() == [1, 2, 3])

            let size = 8 << 20
            let isDone = Box(false)
            let write = inTask(loop, stream) { stream in
                try await stream.write([UInt8](repeating: 9, count: size))
                isDone.value = true
            }
            try await loop.pass(20)
            #expect(!isDone.value)
            var received = 0
            while received < size {
                let count = peer.receive().count
                received += count
                if count == 0 { try await loop.pass(1) }
            }
            try await write.value
            #expect(received == size)
            stream.close()
        }
    }

    @Test("IOS-10, IOS-11: what is written arrives in order, small and large", arguments: backends)
    func order(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            var expected: [UInt8] = []
            let write = Box<[[UInt8]]>([])
            for index in 0..<200 {
                let count = index % 7 == 0 ? 5000 + index : index
                let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ index) }
                write.value.append(piece)
                expected += piece
            }
            let task = inTask(loop, stream) { stream in
                for piece in write.value { try await stream.write(piece) }
                stream.closeAfterWriting()
            }
            var received: [UInt8] = []
            while received.count < expected.count {
                received += peer.receive()
                try await loop.pass(1)
            }
            try await task.value
            #expect(received == expected)
            try await loop.until { stream.isClosed }
        }
    }

    @Test("IOS-1: over maxWriteBufferSize nothing is queued, and the stream stays open", arguments: backends)
    func writeBufferFull(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            stream.maxWriteBufferSize = 100
            await #expect(throws: StreamBufferFullError.self) {
                try await stream.write([UInt8](repeating: 0, count: 101))
            }
            try await stream.write([UInt8](repeating: 5, count: 100))
            try await stream.flush()
            #expect(peer.receive().count == 100)
            #expect(!stream.isClosed)
            stream.close()
        }
    }

    @Test("A cancelled write or flush leaves its bytes queued and the stream usable", arguments: backends)
    func cancellation(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let size = 4 << 20
            let write = inTask(loop, stream) { try await $0.write([UInt8](repeating: 1, count: size)) }
            let flush = inTask(loop, stream) { try await $0.flush() }
            try await loop.pass()
            write.cancel()
            flush.cancel()
            await #expect(throws: CancellationError.self) { try await write.value }
            await #expect(throws: CancellationError.self) { try await flush.value }
            let end = inTask(loop, stream) { stream in
                try await stream.write("end")
                try await stream.flush()
            }
            var received: [UInt8] = []
            while received.count < size + 3 {
                received += peer.receive()
                try await loop.pass(1)
            }
            try await end.value
            #expect(text(received.suffix(3)) == "end")
            stream.close()
        }
    }

    @Test("A peer that leaves fails the writes that wait, quietly", arguments: backends)
    func peerLeaves(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let write = inTask(loop, stream) { try await $0.write([UInt8](repeating: 1, count: 4 << 20)) }
            try await loop.pass()
            peer.close()
            await #expect(throws: StreamClosedError.self) { try await write.value }
            await #expect(throws: StreamClosedError.self) { try await stream.write("x") }
            await #expect(throws: StreamClosedError.self) { try await stream.flush() }
        }
    }

    @Test("Half-close: the peer sees the end after what was written, and can still respond", arguments: backends)
    func halfClose(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            try await stream.write([UInt8](repeating: 2, count: 1000))
            stream.shutDownWriting()
            await #expect(throws: StreamClosedError.self) { try await stream.write("more") }
            var received = 0
            try await loop.until {
                received += peer.receive().count
                return received >= 1000
            }
            #expect(received == 1000)
            var byte: UInt8 = 0
            try await loop.until { recv(peer.fd, &byte, 1, 0) == 0 }
            peer.send("answer")
            #expect(text(try await stream.readBytes(6)) == "answer")
            #expect(!stream.isClosed)
            stream.close()
        }
    }

    @Test(
        "Output for a stream that has closed leaves the memory alone that its last send still uses", arguments: backends
    )
    func outputAfterClose(backend: IOBackend) async throws {
        for count in [4_000, 160_000] {
            try await onLoop(backend) { loop in
                let (stream, peer) = try makeStream(loop)
                let (other, otherPeer) = try makeStream(loop)
                for _ in 0..<(count / 4_000) { stream.enqueue([UInt8](repeating: 65, count: 4_000)) }
                stream.flushOutput()
                stream.close()
                let inUse = loop.statistics.sendBuffersOut
                _ = stream.reserveOutput(10)
                stream.commitOutput(10)
                #expect(loop.statistics.sendBuffersOut >= inUse)
                // Memory that was given back too early is what these bytes are gathered in.
                for _ in 0..<(count / 4_000) { other.enqueue([UInt8](repeating: 83, count: 4_000)) }
                var received: [UInt8] = []
                var receivedByOther = 0
                try await loop.until {
                    received += peer.receive()
                    receivedByOther += otherPeer.receive().count
                    return receivedByOther == count && loop.statistics.sendBuffersOut == 0
                }
                received += peer.receive()
                #expect(received.allSatisfy { $0 == 65 }, "bytes of another stream's output")
                other.close()
            }
        }
    }

    @Test("IOS-15: setNoDelay on TCP; a unix socket is left alone", arguments: backends)
    func noDelay(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, _) = try makeStream(loop, tcp: true)
            for isOn in [true, false] {
                try stream.setNoDelay(isOn)
                var value: CInt = 9
                var length = socklen_t(MemoryLayout<CInt>.size)
                getsockopt(stream.fileDescriptor ?? -1, CInt(IPPROTO_TCP), TCP_NODELAY, &value, &length)
                #expect((value != 0) == isOn)
            }
            let (unix, _) = try makeStream(loop)
            try unix.setNoDelay(true)
            stream.close()
            unix.close()
        }
    }
}
