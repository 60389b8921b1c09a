extension BaseIOStream {
    // One read at a time: a second one throws `AlreadyReadingError` and the first one goes on. A read whose task is
    // cancelled throws `CancellationError` and takes nothing: the stream stays usable, and the next read begins where
    // that one began. Once the peer has sent its last byte, reads return what it sent; the first read that cannot
    // throws `StreamClosedError` and closes the stream after its queued output.

    /// Reads up to and including the first `delimiter`.
    ///
    /// The search looks at each byte once, however it arrives.
    ///
    /// - Parameters:
    ///   - delimiter: at least one byte.
    ///   - maxBytes: the longest result, delimiter included; nil: `maxBufferSize`.
    /// - Throws: `UnsatisfiableReadError` where the delimiter does not come within `maxBytes`, `StreamBufferFullError`
    ///   where it does not come within `maxBufferSize` (both close the stream), `StreamClosedError`,
    ///   `AlreadyReadingError`, `CancellationError`.
    ///
    /// Tornado: `BaseIOStream.read_until`.
    public func readUntil(_ delimiter: [UInt8], maxBytes: Int? = nil) async throws -> [UInt8] {
        precondition(!delimiter.isEmpty, "IOStream: readUntil() needs a delimiter")
        return try await read(.delimiter(delimiter, maxBytes: maxBytes ?? .max)).bytes
    }

    /// Reads up to and including a delimiter given as text, in UTF-8.
    ///
    /// Tornado: `BaseIOStream.read_until`.
    public func readUntil(_ delimiter: String, maxBytes: Int? = nil) async throws -> [UInt8] {
        try await readUntil(Array(delimiter.utf8), maxBytes: maxBytes)
    }

    /// Reads up to and including the first match of `pattern`: the earliest byte at which a match ends.
    ///
    /// A repetition at the end of the pattern therefore takes as little as it may, so that the result does not depend
    /// on how the bytes arrive. Each byte is looked at once.
    ///
    /// - Throws: as `readUntil`.
    ///
    /// Tornado: `BaseIOStream.read_until_regex`.
    public func readUntilRegex(_ pattern: BytePattern, maxBytes: Int? = nil) async throws -> [UInt8] {
        try await read(.pattern(pattern.matcher(), maxBytes: maxBytes ?? .max)).bytes
    }

    /// Reads `count` bytes.
    ///
    /// - Parameters:
    ///   - count: at most `maxBufferSize`; a read of 0 bytes returns at once.
    ///   - partial: as soon as there are any bytes, return those (at most `count`).
    /// - Throws: `StreamBufferFullError`, `StreamClosedError`, `AlreadyReadingError`, `CancellationError`.
    ///
    /// Tornado: `BaseIOStream.read_bytes`.
    public func readBytes(_ count: Int, partial: Bool = false) async throws -> [UInt8] {
        precondition(count >= 0, "IOStream: readBytes() of a negative count")
        return try await read(.bytes(count, partial: partial)).bytes
    }

    /// Fills the caller's memory, which must stay valid until this returns or throws. `maxBufferSize` does not apply.
    ///
    /// - Parameter partial: as soon as there are any bytes, return those.
    /// - Returns: how many bytes were read.
    /// - Throws: `StreamClosedError`, `AlreadyReadingError`, `CancellationError`.
    ///
    /// Tornado: `BaseIOStream.read_into`.
    public func readInto(_ buffer: UnsafeMutableRawBufferPointer, partial: Bool = false) async throws -> Int {
        try await read(.buffer(buffer, partial: partial)).count
    }

    /// Reads everything up to the peer's last byte. The stream can still be written to; close it when done.
    ///
    /// - Throws: `StreamBufferFullError` over `maxBufferSize`, `StreamClosedError` where the connection broke,
    ///   `AlreadyReadingError`, `CancellationError`.
    ///
    /// Tornado: `BaseIOStream.read_until_close`.
    public func readUntilClose() async throws -> [UInt8] { try await read(.untilClose).bytes }

    private func read(_ goal: ReadRequest.Goal) async throws -> ReadRequest.Result {
        loop.preconditionOnLoop()
        return try await attachedReader().read(ReadRequest(goal))
    }

    /// The stream's reader, as the one that takes its bytes.
    func attachedReader() -> StreamReader {
        let reader = madeReader()
        if !isClosed { attach(reader) }
        return reader
    }

    /// The stream's reader, made where there is none. The consumer stays as it is.
    func madeReader() -> StreamReader {
        let rare = madeRare()
        if let reader = rare.reader { return reader }
        let made = StreamReader(self)
        rare.reader = made
        return made
    }

    // MARK: State and limits

    /// Whether a read waits. Tornado: `BaseIOStream.reading`.
    public var isReading: Bool {
        loop.preconditionOnLoop()
        return rare?.reader?.isReading ?? false
    }

    /// The most bytes that a read may wait with, 2 GiB at most. Default 100 MiB. Tornado: `max_buffer_size`.
    public var maxBufferSize: Int {
        get {
            loop.preconditionOnLoop()
            return rare?.reader?.maxBufferSize ?? 104_857_600
        }
        set {
            loop.preconditionOnLoop()
            madeReader().maxBufferSize = min(max(1, newValue), StreamInput.limit - (1 << 24))
        }
    }

    /// The most bytes that one receive brings: the size of the loop's pool buffers, which
    /// `IOLoop.Configuration.readChunkSize` sets for all of its streams.
    ///
    /// Tornado: `read_chunk_size`.
    public var readChunkSize: Int { reactor.bufferSize }

    /// Calls back once, on the loop, when the stream is closed, after an outstanding read has ended. With a callback
    /// set, a stream that nobody reads notices its peer's end too, and closes then, unless more than four of the pool's
    /// buffers (64 KiB) of what the peer has sent are unread. nil: none.
    ///
    /// Tornado: `BaseIOStream.set_close_callback`.
    public func setCloseCallback(_ callback: (() -> Void)?) {
        loop.preconditionOnLoop()
        attachedReader().setCloseCallback(callback)
    }
}
