import Glibc

/// A connected stream socket on its loop: bytes in are offered to the stream's consumer, bytes out are gathered and
/// sent once a turn.
///
/// A stream belongs to its loop's thread. It lives until it is closed and the reactor has let go of it.
///
/// Tornado: `iostream.IOStream`.
public final class IOStream: BaseIOStream {
    @exclusivity(unchecked) private var handle: Reactor.Handle

    @exclusivity(unchecked) var output = StreamOutput()

    /// Who takes the bytes. An upgrade of the protocol is a change of consumer.
    @exclusivity(unchecked) package var consumer: (any IOStreamConsumer)?

    @exclusivity(unchecked) private var isSending = false
    /// When output was first there, after there had been none.
    @exclusivity(unchecked) private var outputBegan: UInt64 = 0
    /// When the kernel was last given output.
    @exclusivity(unchecked) private var outputProgress: UInt64 = 0
    @exclusivity(unchecked) private var deadline = UInt64.max
    @exclusivity(unchecked) private var isDirty = false
    @exclusivity(unchecked) private var isDelivering = false
    @exclusivity(unchecked) private var isReceiving = false
    @exclusivity(unchecked) private var isOverHigh = false
    @exclusivity(unchecked) private var afterOutput = AfterOutput.goOn
    @exclusivity(unchecked) private var connecting: ((CInt) -> Void)?

    /// What happens once everything is sent.
    private enum AfterOutput { case goOn, shutDown, close, linger, lingering }

    /// A connection that a listener accepted.
    init(_ loop: IOLoop, accepted handle: Reactor.Handle) {
        self.handle = handle
        super.init(loop)
        reactor.setContext(handle, self)
        loop.streams[handle] = self
    }

    /// Takes over a connected stream socket, which the stream closes.
    ///
    /// - Throws: `IOError`; the descriptor is then still the caller's.
    public init(_ loop: IOLoop, fileDescriptor fd: CInt) throws(IOError) {
        handle = 0
        super.init(loop)
        handle = try reactor.adopt(fd, self)
        loop.streams[handle] = self
    }

    /// Takes over an unconnected socket and connects it; `then` gets 0 or the error number.
    init(
        _ loop: IOLoop, fileDescriptor fd: CInt, connectingTo address: SocketAddress,
        then: @escaping (CInt) -> Void
    ) throws(IOError) {
        handle = 0
        super.init(loop)
        handle = try reactor.connect(fd, to: address, self)
        connecting = then
        loop.streams[handle] = self
    }

    deinit { output.removeAll(reactor) }

    /// The socket's descriptor, for socket options; nil once closed.
    public var fileDescriptor: CInt? { reactor.fileDescriptor(handle) }
    /// Nil where the socket is closed or has none.
    public var localAddress: SocketAddress? { fileDescriptor.flatMap(SocketAddress.local(of:)) }
    /// Nil where the socket is closed or has none.
    public var peerAddress: SocketAddress? { fileDescriptor.flatMap(SocketAddress.peer(of:)) }

    // MARK: Input

    /// Starts to take bytes from the socket.
    package override func startReceiving() {
        guard !isReceiving, !isPeerEnded, !isClosed else { return }
        isReceiving = true
        reactor.startReceiving(handle)
    }

    /// Stops to take bytes: the peer is held up by TCP's own flow control. Bytes on their way are still kept.
    package override func stopReceiving() {
        guard isReceiving else { return }
        isReceiving = false
        reactor.stopReceiving(handle)
    }

    /// Whether the peer is held up: open, and left unread.
    package var isHeldUp: Bool { !isReceiving && !isPeerEnded && !isClosed }

    /// `POLLRDHUP`, which Glibc's module does not show.
    private static let pollReadHangUp: Int32 = 0x2000

    /// What the kernel knows of the peer of a stream that is left unread. A system call.
    package var peerPresence: PeerPresence {
        var poller = pollfd(
            fd: fileDescriptor ?? -1, events: Int16(truncatingIfNeeded: Self.pollReadHangUp), revents: 0)
        guard poll(&poller, 1, 0) > 0 else { return .there }
        let events = Int32(poller.revents)
        return events & (POLLHUP | POLLERR | POLLNVAL) != 0
            ? .gone : events & Self.pollReadHangUp != 0 ? .ended : .there
    }

    /// Bytes that the consumer has left.
    package var unconsumed: UnsafeRawBufferPointer { input.bytes }

    /// Offers the consumer again what it has left.
    package func resumeInput() {
        guard !isDelivering, !input.isEmpty, !isClosed else { return }
        deliverInput()
    }

    func received(_ bytes: UnsafeRawBufferPointer, poolBuffer: UInt32) {
        guard !isClosed, afterOutput != .lingering else { return reactor.releaseBuffer(poolBuffer) }
        guard input.isEmpty, !isDelivering else {
            input.append(bytes, reactor)
            reactor.releaseBuffer(poolBuffer)
            return deliverInput()
        }
        input.pin(bytes, buffer: poolBuffer)
        deliverInput()
        if input.isPinned { loop.holdingStreams.append(self) }
    }

    /// The end of a turn: unread bytes leave the pool.
    func unpinInput() { input.unpin(reactor) }

    private func deliverInput() {
        guard !isDelivering, let consumer else { return }
        isDelivering = true
        defer { isDelivering = false }
        let consumed = consumer.streamReceived(self, input.bytes)
        input.consume(consumed, reactor)
    }

    func ended(_ result: CInt) {
        isReceiving = false
        isPeerEnded = true
        guard !isClosed else { return }
        if result < 0 { return close(.failed(IOError(errno: -result, "receive"))) }
        if afterOutput == .lingering { return close(.closedHere) }
        if let consumer { consumer.streamEnded(self) } else { close(.endedByPeer) }
    }

    // MARK: Output

    /// Bytes that the kernel has not taken yet.
    package override var outputCount: Int { output.count }

    /// Those of them that are held in memory, not in a file.
    package var outputMemory: Int { output.count - output.fileCount }

    /// Room for `size` bytes of output; `commitOutput` says how many were written there.
    package func reserveOutput(_ size: Int) -> UnsafeMutableRawPointer { output.reserve(size, reactor) }

    package func commitOutput(_ size: Int) {
        guard !isClosed else { return output.removeAll(reactor) }
        output.commit(size)
        outputChanged()
    }

    /// Queues bytes, which are copied.
    package func enqueue(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !bytes.isEmpty else { return }
        output.append(copying: bytes, reactor)
        outputChanged()
    }

    /// Queues bytes; a large array is sent as it is, uncopied.
    package override func enqueue(_ bytes: [UInt8]) {
        guard !isClosed, !bytes.isEmpty else { return }
        if bytes.count >= StreamOutput.copyLimit {
            output.append(keeping: bytes, reactor)
        } else {
            bytes.withUnsafeBytes { output.append(copying: $0, reactor) }
        }
        outputChanged()
    }

    /// Queues constant text.
    package func enqueue(_ text: StaticString) {
        enqueue(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Queues `length` bytes of a regular file, which go out by sendfile(2). `owner` keeps the descriptor open.
    package func enqueueFile(_ fd: CInt, offset: UInt64, length: Int, owner: AnyObject?) {
        guard !isClosed else { return }
        output.append(file: fd, offset: offset, length: length, owner: owner, reactor)
        outputChanged()
    }

    /// Since when there has been output without a break; nil while there is none.
    package var outputWaitsSince: UInt64? { output.isEmpty ? nil : outputBegan }

    /// When the kernel last took some of the output that waits, or it was first there; nil while there is none.
    package var outputTakenAt: UInt64? { output.isEmpty ? nil : isSending ? outputProgress : outputBegan }

    private func outputChanged() {
        if output.count > highWatermark { isOverHigh = true }
        guard !isDirty, !isSending else { return }
        // What is neither gathered nor under way was not there before.
        isDirty = true
        outputBegan = loop.turnTime
        loop.dirtyStreams.append(self)
    }

    /// Called once a turn: starts to send what was gathered.
    func flushOutput() {
        isDirty = false
        sendNext()
    }

    private func sendNext() {
        guard !isSending, !isClosed, connecting == nil else { return }
        guard !output.isEmpty, let segment = output.front(reactor) else { return finishOutput() }
        let result: CInt
        if case .file(let fd, let offset, _) = segment.storage {
            result = reactor.sendFile(handle, fd, offset: offset + UInt64(segment.sent), count: segment.piece)
        } else {
            result = reactor.send(
                handle, UnsafeRawBufferPointer(start: segment.base.map { $0 + segment.sent }, count: segment.piece))
        }
        if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
        isSending = true
        outputProgress = loop.turnTime
    }

    func sent(_ result: CInt) {
        isSending = false
        guard !isClosed else { return output.removeAll(reactor) }
        if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
        let count = output.pieceSent(reactor)
        sendNext()
        outputTaken(count)
        if isOverHigh, output.count <= lowWatermark, !isClosed {
            isOverHigh = false
            consumer?.streamDrained(self)
        }
    }

    // MARK: The application's reader

    override func attach(_ reader: StreamReader) {
        guard consumer !== reader else { return }
        precondition(consumer == nil, "IOStream: a protocol sits on this stream; detach it before reading")
        consumer = reader
    }

    override func limitOutput(patience: UInt64) { setDeadline(loop.now &+ patience) }

    // MARK: Time

    /// The loop's clock as it was when the last wait ended, and as it is now.
    package var turnTime: UInt64 { loop.turnTime }
    package var now: UInt64 { loop.now }

    /// Runs `work` on the stream's loop.
    package func schedule(_ work: any LoopWork) { loop.schedule(work) }

    /// The stream's one deadline, a time of the loop's clock in nanoseconds; nil: none.
    package func setDeadline(_ time: UInt64?) {
        let time = time ?? .max
        // The requests of one turn all set the same. Who lingers has a deadline of its own, which nobody else moves.
        guard time != deadline, afterOutput != .lingering else { return }
        deadline = time
        reactor.setDeadline(handle, time)
    }

    /// The same, where none is set that comes earlier. For who looks again at each deadline what it is that is late.
    package func setDeadline(noLaterThan time: UInt64) {
        if time < deadline { setDeadline(time) }
    }

    func deadlinePassed() {
        deadline = .max
        guard !isClosed else { return }
        if afterOutput == .lingering { return close(.closedHere) }
        consumer?.streamDeadline(self)
    }

    // MARK: Connecting

    func connected(_ result: CInt) {
        guard let then = connecting.take() else { return }
        then(-result)
        if !output.isEmpty, !isClosed { sendNext() }
    }

    // MARK: Closing

    /// Ends the output after what is queued; the peer may go on sending.
    package override func shutDownAfterOutput() { endOutput(.shutDown) }

    /// Closes after what is queued was sent.
    package override func closeAfterOutput() { endOutput(.close) }

    /// Closes after what is queued was sent, the peer has read it, or two seconds have passed.
    ///
    /// For an answer to a request that was not read to its end: to close at once would reset the connection, and the
    /// reset could overtake the answer (RFC 9112, 9.6).
    package func lingerAfterOutput() { endOutput(.linger) }

    private static let lingerTime: UInt64 = 2_000_000_000

    private func endOutput(_ how: AfterOutput) {
        guard !isClosed, afterOutput != .lingering else { return }
        // What closes anyway need not be shut down first.
        if how == .shutDown, afterOutput != .goOn { return }
        afterOutput = how
        if output.isEmpty, !isSending { finishOutput() }
    }

    private func finishOutput() {
        switch afterOutput {
        case .goOn, .lingering: break
        case .shutDown:
            reactor.shutdown(handle)
            afterOutput = .goOn
        case .close: close(isPeerEnded ? .endedByPeer : .closedHere)
        case .linger where isPeerEnded: close(.closedHere)
        case .linger:
            afterOutput = .lingering
            reactor.shutdown(handle)
            input.removeAll(reactor)
            reactor.setDeadline(handle, loop.now + Self.lingerTime)
            startReceiving()
        }
    }

    package override func close(_ reason: CloseReason) {
        guard closeReason == nil else { return }
        closeReason = reason
        isReceiving = false
        failWaiters(reason)
        if !isDelivering, !keepsInput(reason) { input.removeAll(reactor) }
        if !isSending { output.removeAll(reactor) }
        connecting.take()?(ECANCELED)
        reactor.close(handle)
    }

    /// The reactor's last word.
    func closedByReactor() {
        let reason = closeReason ?? .endedByPeer
        if closeReason == nil { failWaiters(reason) }
        closeReason = reason
        if !keepsInput(reason) { input.removeAll(reactor) }
        output.removeAll(reactor)
        connecting = nil
        let consumer = consumer.take()
        consumer?.streamClosed(self, reason)
        loop.streams[handle] = nil
    }
}
