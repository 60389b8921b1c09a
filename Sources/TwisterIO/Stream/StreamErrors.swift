/// A read or a write met a stream that is closed, or that closed before it was done.
///
/// Tornado: `iostream.StreamClosedError`.
public struct StreamClosedError: Error, CustomStringConvertible, Sendable {
    /// Why a stream is closed.
    public enum Reason: Sendable, CustomStringConvertible {
        /// `close()` was called here.
        case closedHere
        /// The peer ended the connection.
        case endedByPeer
        /// A system call failed: `ECONNRESET`, `EPIPE`, `ETIMEDOUT` and the like.
        case failed(IOError)
        /// An error ended it here: the one given to `close(error:)`, `UnsatisfiableReadError`, `StreamBufferFullError`,
        /// or the error of a filter such as TLS.
        case error(any Error)

        /// Whether the connection broke: the peer did not end it, and neither did a plain `close()`.
        var isFailure: Bool {
            switch self {
            case .closedHere, .endedByPeer: false
            case .failed, .error: true
            }
        }

        public var description: String {
            switch self {
            case .closedHere: "closed here"
            case .endedByPeer: "ended by the peer"
            case .failed(let error): "\(error)"
            case .error(let error): "\(error)"
            }
        }
    }

    /// Why the stream is closed. Tornado: `StreamClosedError.real_error`.
    public let realError: Reason

    public init(realError: Reason) { self.realError = realError }

    public var description: String { "Stream is closed: \(realError)" }
}

/// The end of a read (a delimiter or a match) did not come within `maxBytes`; the stream is closed.
///
/// Tornado: `iostream.UnsatisfiableReadError`.
public struct UnsatisfiableReadError: Error, CustomStringConvertible, Sendable {
    /// The delimiter or the pattern that was looked for.
    public let sought: String
    /// The limit, in bytes, that was reached.
    public let maxBytes: Int

    public var description: String { "\(sought) not found within \(maxBytes) bytes" }
}

/// A buffer would hold more than its limit: `maxBufferSize` when reading (the stream is then closed), or
/// `maxWriteBufferSize` when writing (nothing of that write is queued, and the stream stays open).
///
/// Tornado: `iostream.StreamBufferFullError`.
public struct StreamBufferFullError: Error, CustomStringConvertible, Sendable {
    /// Which of a stream's two buffers.
    public enum Buffer: String, Sendable { case read, write }
    /// The buffer that is full.
    public let buffer: Buffer
    /// In bytes.
    public let limit: Int

    public var description: String { "Reached maximum \(buffer.rawValue) buffer size of \(limit) bytes" }
}

/// A second read was begun while the first one waits: a stream has one outstanding read. The first one goes on.
///
/// Tornado: the assertion "Already reading".
public struct AlreadyReadingError: Error, CustomStringConvertible, Sendable {
    package init() {}

    public var description: String { "Already reading: a stream has one outstanding read" }
}
