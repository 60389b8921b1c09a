/// How to make a loop. Also known as `IOLoop.Configuration`.
public struct IOLoopConfiguration: Sendable {
    /// The backend; default: `TWISTER_BACKEND` of the environment, else `.auto`.
    public var backend: IOBackend
    /// Accepting pauses at this many connections; nil: the soft limit of open descriptors less 64.
    public var maxConnections: Int?
    /// The most bytes that one receive brings: the size of the loop's pool buffers. Default 16,384; rounded up by the
    /// reactor where it must. Tornado: `read_chunk_size`, 65,536.
    public var readChunkSize = 16_384
    /// The clock of timers and deadlines, in nanoseconds that never go back; nil: `CLOCK_MONOTONIC`.
    public var clock: (@Sendable () -> UInt64)?

    public init(
        backend: IOBackend? = nil, maxConnections: Int? = nil, clock: (@Sendable () -> UInt64)? = nil
    ) {
        self.backend = backend ?? Environment.backend
        self.maxConnections = maxConnections
        self.clock = clock
    }
}
