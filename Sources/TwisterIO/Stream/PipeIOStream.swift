import Glibc

/// A stream over one end of a pipe, or over any other descriptor that can be polled and is no socket.
///
/// Tornado: `iostream.PipeIOStream`.
public final class PipeIOStream: BaseIOStream {
    private let descriptor: CInt
    private let canRead: Bool
    private let canWrite: Bool

    private var isReceiving = false
    private var watched: IOLoop.Events?
    /// Written bytes in order: the first `currentSent` of `current` are with the kernel, and `output` follows.
    private var current: [UInt8] = []
    private var output = FIFO<[UInt8]>()
    private var currentSent = 0
    private var queued = 0
    private var closesAfterOutput = false
    /// When the reader last took something, while output is limited.
    private var lastTaken: UInt64 = 0
    private var outputLimit: IOLoop.Timeout?

    /// Takes over `fd`, which is made non-blocking and which the stream closes. What it can do, reading or writing, is
    /// what it was opened for.
    ///
    /// - Throws: `IOError` with `EBADF` for a descriptor that is not open; it is then still the caller's.
    public init(_ loop: IOLoop, fileDescriptor fd: CInt) throws(IOError) {
        loop.preconditionOnLoop()
        let flags = fcntl(fd, F_GETFL)
        guard flags >= 0, fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 else {
            throw IOError(errno: errno, "pipe stream of descriptor \(fd)")
        }
        descriptor = fd
        canRead = flags & O_ACCMODE != O_WRONLY
        canWrite = flags & O_ACCMODE != O_RDONLY
        super.init(loop)
    }

    deinit { if !isClosed { Glibc.close(descriptor) } }

    /// The pipe's descriptor; nil once closed.
    public var fileDescriptor: CInt? { isClosed ? nil : descriptor }

    // MARK: Readiness

    /// Waits for what is needed now, and for nothing where nothing is: an end that hung up would be reported for ever.
    private func watch() {
        var events: IOLoop.Events = []
        if isReceiving { events.insert(canRead ? .read : .error) }
        if queued > 0 { events.insert(.write) }
        let wanted = events.isEmpty || isClosed ? nil : events
        guard wanted != watched else { return }
        defer { watched = wanted }
        do throws(IOError) {
            switch (watched, wanted) {
            case (_, nil): loop.removeHandler(descriptor)
            case (nil, let events?):
                try loop.addHandler(descriptor, events) { [self] _, events in ready(events) }
            case (_, let events?): try loop.updateHandler(descriptor, events)
            }
        } catch {
            close(.failed(error))
        }
    }

    private func ready(_ events: IOLoop.Events) {
        if queued > 0 { send() }
        if isReceiving, canRead {
            receive()
        } else if !canRead, !events.isDisjoint(with: .error) {
            close(.failed(IOError(errno: EPIPE, "write")))
        }
    }

    // MARK: Input

    package override func startReceiving() {
        guard !isReceiving, !isPeerEnded, !isClosed else { return }
        isReceiving = true
        watch()
    }

    package override func stopReceiving() {
        guard isReceiving else { return }
        isReceiving = false
        watch()
    }

    override func attach(_ reader: StreamReader) {}

    /// Reads what is there, at most a few chunks: other descriptors have their turn too.
    private func receive() {
        for _ in 0..<4 {
            let chunk = reactor.bufferSize
            var hasMemory = true
            let count = withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { room in
                let count = Glibc.read(descriptor, room.baseAddress, chunk)
                if count > 0 { hasMemory = input.append(UnsafeRawBufferPointer(rebasing: room[..<count]), reactor) }
                return count
            }
            guard hasMemory else { return closeForLackOfMemory() }
            if count < 0 {
                guard errno != EAGAIN, errno != EINTR else { return }
                return close(.failed(IOError(errno: errno, "read")))
            }
            if count == 0 { return ended() }
            if let consumed = rare?.reader?.offer(input.bytes) { input.consume(consumed, reactor) }
            guard isReceiving, count == chunk else { return }
        }
    }

    private func ended() {
        isPeerEnded = true
        isReceiving = false
        watch()
        if let reader = rare?.reader { reader.ended() } else { close(.endedByPeer) }
    }

    // MARK: Output

    package override var outputCount: Int { queued }

    package override func enqueue(_ bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        guard canWrite else { return close(.failed(IOError(errno: EBADF, "write"))) }
        let isFirst = queued == 0
        queued += bytes.count
        if isFirst { current = bytes } else { output.append(bytes) }
        if isFirst { send() }
    }

    /// Writes what the pipe takes, up to a bound: other descriptors have their turn too.
    private func send() {
        var left = 4 * reactor.bufferSize
        while queued > 0 {
            guard left > 0 else { return watch() }
            let count = current.withUnsafeBytes { bytes in
                bytes.baseAddress.map { Glibc.write(descriptor, $0 + currentSent, bytes.count - currentSent) } ?? 0
            }
            guard count >= 0 else {
                if errno == EINTR { continue }
                guard errno == EAGAIN else { return close(.failed(IOError(errno: errno, "write"))) }
                return watch()
            }
            left -= count
            sent(count)
        }
        watch()
        if closesAfterOutput { close(isPeerEnded ? .endedByPeer : .closedHere) }
    }

    private func sent(_ count: Int) {
        currentSent += count
        queued -= count
        if outputLimit != nil { lastTaken = loop.now }
        if currentSent == current.count {
            current = output.popFirst() ?? []
            currentSent = 0
        }
        outputTaken(count)
    }

    // MARK: Closing

    /// A pipe's output ends when its descriptor is closed; one that is open for both directions cannot be closed by
    /// half.
    package override func shutDownAfterOutput() { if !canRead { closeAfterOutput() } }

    package override func closeAfterOutput() {
        closesAfterOutput = true
        if queued == 0 { close(isPeerEnded ? .endedByPeer : .closedHere) }
    }

    override func limitOutput(patience: UInt64) {
        guard outputLimit == nil else { return }
        lastTaken = loop.now
        watchOutput(patience)
    }

    private func watchOutput(_ patience: UInt64) {
        outputLimit = loop.callAt(IOLoop.Instant(nanoseconds: lastTaken &+ patience)) { [self] in
            guard loop.now < lastTaken &+ patience else { return close(.failed(IOError(errno: ETIMEDOUT, "write"))) }
            watchOutput(patience)
        }
    }

    package override func close(_ reason: CloseReason) {
        guard !isClosed else { return }
        setClosed(reason)
        isReceiving = false
        watch()
        if let outputLimit { loop.removeTimeout(outputLimit) }
        failWaiters(reason)
        if !keepsInput(reason) { input.removeAll(reactor) }
        output = FIFO()
        current = []
        queued = 0
        Glibc.close(descriptor)
        rare?.reader?.closed()
    }
}
