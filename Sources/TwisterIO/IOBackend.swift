/// The kernel interface that a loop uses.
///
/// `IOLoop.Configuration.backend` chooses it; without that the environment variable `TWISTER_BACKEND` (`auto`, `io_uring` or
/// `epoll`) does; without either it is `auto`.
public enum IOBackend: String, Sendable, CaseIterable, CustomStringConvertible {
    /// io_uring if all that the reactor needs of it works; otherwise epoll, with the reason in the log.
    case auto
    /// io_uring; creating the loop fails, with the reason in the error, if it is not available.
    case ioUring = "io_uring"
    /// epoll, always available.
    case epoll

    public var description: String { rawValue }
}

/// The counters of a loop's reactor at one moment, counted from the loop's creation.
public struct ReactorStatistics: Sendable {
    /// The backend that runs, never `.auto`.
    public let backend: IOBackend
    /// Open connections, including those that are being closed.
    public let connections: Int
    /// Descriptors that `IOLoop.addHandler` watches.
    public let watches: Int
    /// Timers that were started and have neither run nor been cancelled.
    public let timers: Int
    /// Pool buffers for receiving.
    public let receiveBuffersTotal: Int
    /// Receive buffers in use.
    public let receiveBuffersOut: Int
    /// Pool buffers for sending.
    public let sendBuffersTotal: Int
    /// Send buffers in use.
    public let sendBuffersOut: Int
    /// Events that the reactor has reported.
    public let events: UInt64
    /// Waits for events.
    public let waits: UInt64
    /// System calls that the reactor has made.
    public let syscalls: UInt64
    /// How often accepting paused because descriptors or connection slots ran out.
    public let acceptPauses: UInt64
    /// How often a connection had to wait for a receive buffer.
    public let receivePauses: UInt64
}
