import Glibc
import HTTPTypes
import Logging
import TwisterCodec
package import TwisterIO

/// A piece of an answer's body that comes from a file.
package enum FilePiece {
    /// What stands between ranges of the file.
    case bytes([UInt8])
    /// A range of the file.
    case range(Range<Int>)

    /// In bytes.
    package var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .range(let range): range.count
        }
    }
}

/// Answers whose bodies are files: the kernel sends them, and they are never whole in memory.
extension HTTP1Connection {
    /// When the answer is made, in seconds since 1970: what its `Date` will say.
    package var answerTime: Int64 {
        guard let connection else { return Int64(time(nil)) }
        return connection.server.unixSeconds(at: connection.stream.turnTime)
    }

    /// Sends the head, with the length of the pieces, and ends the answer with them; what was written before is dropped.
    ///
    /// Everything is queued at once: a range of a file holds no memory, and the connection takes no further request while
    /// the client lags behind. The file stays open until the last of it was sent, or the client has gone. A file that
    /// ends before its range does cuts the connection, since the head has promised more.
    ///
    /// - Throws: `HTTPOutputError` once the head is sent.
    package func finish(_ pieces: [FilePiece], of file: OpenFile) throws {
        guard !isHeadSent else { throw HTTPOutputError(description: "the answer's head is sent") }
        guard let connection, !connection.stream.isClosed else { return state = .finished }
        let stream = connection.stream
        body.removeAll()
        let length = pieces.reduce(0) { $0 + $1.count }
        setTrusted(.contentLength, String(length))
        sendHead(stream, connection.server, bodyLength: length)
        guard case .fixed = state else { return state = .finished }
        state = .finished
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): stream.enqueue(bytes)
            case .range(let range):
                guard enqueue(range, of: file, stream) else {
                    Log.application.error("\(requestHead.target): the file has become shorter")
                    return abort()
                }
            }
        }
    }

    /// A range of at most so many bytes is copied: it goes out together with the head, and a client that asks for many
    /// small files and takes none of them does not keep them all open.
    private static var copyLimit: Int { 16_384 }

    /// Answers false where the file ends too early.
    private func enqueue(_ range: Range<Int>, of file: OpenFile, _ stream: IOStream) -> Bool {
        guard range.count <= Self.copyLimit else {
            stream.enqueueFile(
                file.descriptor, offset: UInt64(clamping: range.lowerBound), length: range.count, owner: file)
            return true
        }
        guard !range.isEmpty else { return true }
        let count = file.read(into: stream.reserveOutput(range.count), range.count, at: range.lowerBound)
        stream.commitOutput(count)
        return count == range.count
    }
}
