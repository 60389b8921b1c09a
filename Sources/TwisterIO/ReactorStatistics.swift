/// What a loop's reactor has done and holds, at one moment. Counters run from the loop's creation.
public struct ReactorStatistics: Sendable {
    /// The backend that runs, never `.auto`.
    public let backend: IOBackend
    /// Open connections, closing ones included.
    public let connections: Int
    /// Descriptors watched by `IOLoop.addHandler`.
    public let watches: Int
    /// Timers that were started and are not yet due.
    public let timers: Int
    /// Pool buffers for received bytes.
    public let receiveBuffersTotal: Int
    /// How many of them are in use.
    public let receiveBuffersOut: Int
    /// Pool buffers for bytes to send.
    public let sendBuffersTotal: Int
    /// How many of them are in use.
    public let sendBuffersOut: Int
    /// Events that were reported.
    public let events: UInt64
    /// Waits for events.
    public let waits: UInt64
    /// System calls that the reactor made.
    public let syscalls: UInt64
    /// How often accepting paused because descriptors or connection slots ran out.
    public let acceptPauses: UInt64
    /// How often a connection had to wait for a receive buffer.
    public let receivePauses: UInt64
}
