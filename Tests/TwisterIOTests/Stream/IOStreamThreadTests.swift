import Glibc
import Testing

@testable import TwisterIO

/// A use of a stream that belongs on its loop's thread.
private enum StreamUse: String, Codable, Sendable, CaseIterable {
    case create, write, writeText, flush, readBytes, readUntil, readUntilClose, close, closeWithError
    case closeAfterWriting, shutDownWriting, setCloseCallback, fileDescriptor, peerAddress, setNoDelay
    case isReading, isWriting, maxBufferSize, setMaxBufferSize, maxWriteBufferSize, closeReason

    /// Does it, on the caller's thread.
    func perform(_ loop: IOLoop, _ stream: IOStream, _ fd: CInt) async throws {
        switch self {
        case .create: _ = try IOStream(loop, fileDescriptor: fd)
        case .write: try await stream.write([1])
        case .writeText: try await stream.write("x")
        case .flush: try await stream.flush()
        case .readBytes: _ = try await stream.readBytes(1)
        case .readUntil: _ = try await stream.readUntil("x")
        case .readUntilClose: _ = try await stream.readUntilClose()
        case .close: stream.close()
        case .closeWithError: stream.close(error: TestFailure())
        case .closeAfterWriting: stream.closeAfterWriting()
        case .shutDownWriting: stream.shutDownWriting()
        case .setCloseCallback: stream.setCloseCallback {}
        case .fileDescriptor: _ = stream.fileDescriptor
        case .peerAddress: _ = stream.peerAddress
        case .setNoDelay: try stream.setNoDelay(true)
        case .isReading: _ = stream.isReading
        case .isWriting: _ = stream.isWriting
        case .maxBufferSize: _ = stream.maxBufferSize
        case .setMaxBufferSize: stream.maxBufferSize = 1
        case .maxWriteBufferSize: stream.maxWriteBufferSize = 1
        case .closeReason: _ = stream.closeReason
        }
    }

    /// Does it on another thread than the loop's. Returns if nothing ends the process.
    func run(_ backend: IOBackend) async throws {
        try await onLoop(backend, timeout: .seconds(60)) { loop in
            let (stream, peer) = try makeStream(loop)
            let (mine, theirs) = makeSocketPair()
            let held = Box((loop, stream))
            let other = Task.detached { try? await self.perform(held.value.0, held.value.1, mine) }
            // Reads do not return by themselves.
            try await loop.sleep(for: .seconds(20))
            peer.close()
            Glibc.close(theirs)
            other.cancel()
        }
    }
}

/// Faults 3 and 12: a stream refuses another thread than its loop's.
@Suite("IOStream: use off the loop's thread", .serialized)
struct IOStreamThreadTests {
    @Test("fault 3, fault 12: to create or use a stream on another thread ends the process, with a message that helps")
    func refused() async throws {
        for use in StreamUse.allCases {
            // The check is the same on both backends; the fault of the number 12 was in what they are given.
            for backend in use == .create ? backends : [backends[use.rawValue.count % backends.count]] {
                let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    [name = use.rawValue as String, isRing = (backend == .ioUring) as Bool] in
                    try await StreamUse(rawValue: name)?.run(isRing ? .ioUring : .epoll)
                }
                let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
                #expect(
                    message.contains(" was called off the thread of the loop that it belongs to."), "\(use): \(message)"
                )
                #expect(message.contains("loop.addCallback"), "\(use): \(message)")
            }
        }
    }
}
