import Glibc

/// A connected stream socket on its loop: bytes in are offered to the stream's consumer, bytes out are gathered and
/// sent once a turn.
///
/// A stream belongs to its loop's thread. It lives until it is closed and the reactor has let go of it.
///
/// Tornado: `iostream.IOStream`.
public final class IOStream: BaseIOStream {
    // An idle connection holds all of this, so it is small. To check consumer and output for exclusivity would cost 70
    // instructions a request.

    /// Takes the bytes. A change of the protocol (an upgrade) is a change of the consumer.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package var consumer: (any IOStreamConsumer)?
    /// Nil while there is none. Plain memory: as an object it would be retained and released five times for each response.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var output: UnsafeMutablePointer<StreamOutput>?
    private(set) var deadline = UInt64.max
    /// Whether the consumer wants bytes. A filter may receive when the consumer does not, and the other way round.
    var isReceiving = false
    /// Whether the consumer is being offered bytes.
    private(set) var isDelivering = false
    private var isOverHigh = false
    private var peerHungUp = false
    var sending = Sending.nothing
    var afterOutput = AfterOutput.goOn

    /// How far the output is on its way to the kernel.
    enum Sending: UInt8 {
        case nothing
        /// It is sent at the end of the turn.
        case gathered
        /// The kernel has the first piece.
        case underWay
        /// The first piece is a file's, and is being read from the disk.
        case awaitsFile
    }

    /// What happens once everything is sent.
    enum AfterOutput: UInt8 { case goOn, shutDown, close, linger, lingering }

    /// A connection that a listener accepted.
    init(_ loop: IOLoop, accepted handle: Reactor.Handle) {
        super.init(loop)
        self.handle = handle
        reactor.setContext(handle, self)
        loop.streams.insert(self)
    }

    /// Takes over a connected stream socket, which the stream closes. On the loop's thread.
    ///
    /// - Throws: `IOError`; the descriptor is then still the caller's.
    public init(_ loop: IOLoop, fileDescriptor fd: CInt) throws(IOError) {
        loop.preconditionOnLoop()
        super.init(loop)
        handle = try reactor.adopt(fd, self)
        loop.streams.insert(self)
    }

    /// Takes over an unconnected socket and connects it; `then` gets 0 or the error number.
    init(
        _ loop: IOLoop, fileDescriptor fd: CInt, connectingTo address: SocketAddress,
        then: @escaping (CInt) -> Void
    ) throws(IOError) {
        super.init(loop)
        handle = try reactor.connect(fd, to: address, self)
        madeRare().connecting = then
        life = .connecting
        loop.streams.insert(self)
    }

    /// A stream that `carrier` carries. Whoever makes it keeps it, since it is none of the loop's connections.
    package init(_ loop: IOLoop, carrier: any StreamCarrier) {
        super.init(loop)
        madeRare().carrier = carrier
    }

    deinit {
        dropOutput()
        rare?.channel?.detach()
    }

    /// The socket's descriptor, for socket options; nil once closed.
    public var fileDescriptor: CInt? {
        loop.preconditionOnLoop()
        return reactor.fileDescriptor(handle)
    }
    /// The socket's own address; nil where the socket is closed, or the stream has none.
    public var localAddress: SocketAddress? { fileDescriptor.flatMap(SocketAddress.local(of:)) }
    /// The peer's address; nil where the socket is closed, or the stream has none.
    public var peerAddress: SocketAddress? { fileDescriptor.flatMap(SocketAddress.peer(of:)) }

    // MARK: Input

    /// Starts to take bytes from the socket.
    package override func startReceiving() {
        guard !isReceiving, !isPeerEnded, !isClosed else { return }
        isReceiving = true
        receive()
    }

    /// Apart, because each request asks for what its stream does already.
    @inline(never)
    private func receive() {
        if let channel = rare?.channel, !channel.mayReceive { return }
        if let carrier { carrier.startReceiving() } else { receiveFromReactor() }
    }

    /// Stops to take bytes: the peer is held up by TCP's own flow control. Bytes on their way are still kept.
    package override func stopReceiving() {
        guard isReceiving else { return }
        isReceiving = false
        if isHandshaking { return }
        if let carrier { carrier.stopReceiving() } else { reactor.stopReceiving(handle) }
    }

    /// How many bytes the consumer has left.
    package var unconsumedCount: Int { input.count }

    /// Bytes that the consumer has left.
    package var unconsumed: UnsafeRawBufferPointer { input.bytes }

    /// Offers the consumer again what it has left.
    package func resumeInput() {
        guard !isDelivering, !input.isEmpty, !isClosed else { return }
        deliverInput()
    }

    override func received(_ bytes: UnsafeRawBufferPointer, poolBuffer: UInt32) {
        guard !isClosed, afterOutput != .lingering else { return reactor.releaseBuffer(poolBuffer) }
        if let channel = rare?.channel {
            channel.received(bytes)
            return reactor.releaseBuffer(poolBuffer)
        }
        guard input.isEmpty, !isDelivering else {
            let hasMemory = input.append(bytes, reactor)
            reactor.releaseBuffer(poolBuffer)
            return hasMemory ? deliverInput() : closeForLackOfMemory()
        }
        input.pin(bytes, buffer: poolBuffer)
        deliverInput()
        if input.isPinned { loop.streams.holding.append(self) }
    }

    /// The end of a turn: unread bytes leave the pool.
    override func unpinInput() { if !input.unpin(reactor) { closeForLackOfMemory() } }

    func deliverInput() {
        guard !isDelivering, let consumer else { return }
        isDelivering = true
        let consumed = consumer.streamReceived(self, input.bytes)
        isDelivering = false
        input.consume(consumed, reactor)
        // A stream that is closed while it delivers keeps its input until here.
        if isClosed, !keepsInput(closeReason ?? .closedHere) { input.removeAll(reactor) }
    }

    override func ended(_ result: CInt) {
        isReceiving = false
        guard !isClosed else { return }
        if result < 0 {
            isPeerEnded = true
            return close(.failed(IOError(errno: -result, "receive")))
        }
        if let channel = rare?.channel, afterOutput != .lingering { return channel.receivedEnd() }
        peerEnded()
    }

    func peerEnded() {
        isPeerEnded = true
        if afterOutput == .lingering { return close(.closedHere) }
        if let consumer { consumer.streamEnded(self) } else { close(.endedByPeer) }
    }

    /// Whether the peer has left, as far as is known.
    package var hasPeerLeft: Bool { peerHungUp || isPeerEnded }

    override func hungUp(_ result: CInt) {
        // A filter may have told of the end before.
        guard !isClosed, !isReceiving, !isPeerEnded || result < 0 else { return }
        peerHungUp = true
        consumer?.streamPeerLeft(self, isGone: result < 0)
    }

    // MARK: Output

    /// Bytes that the kernel has not taken yet.
    package override var outputCount: Int { output?.pointee.count ?? 0 }

    /// The part of `outputCount` that is held in memory, not in a file.
    package var outputMemory: Int { output.map { $0.pointee.count - $0.pointee.fileCount } ?? 0 }

    @inline(__always)
    func madeOutput() -> UnsafeMutablePointer<StreamOutput> {
        if let output { return output }
        let made = loop.streams.outputs.take()
        output = made
        return made
    }

    /// Gives back the memory of the output, which is with the kernel now: it serves the loop's other streams.
    func returnOutput() {
        if let output = output.take() { loop.streams.outputs.put(output) }
    }

    func dropOutput() {
        output?.pointee.removeAll(reactor)
        returnOutput()
    }

    /// Room for `size` bytes of output; `commitOutput` says how many were written there, and closes the stream if there was
    /// no memory for them.
    package func reserveOutput(_ size: Int) -> UnsafeMutableRawPointer {
        let output = madeOutput()
        // Without the reactor, whose reference would be counted: 21 instructions for each of several responses at a time.
        return output.pointee.room(size) ?? output.pointee.reserve(size, reactor) ?? spill(size)
    }

    package func commitOutput(_ size: Int) {
        guard let output else { return }
        guard !isClosed else {
            // The kernel may still read memory that is under way; it goes with the end of that send.
            if sending != .underWay { dropOutput() }
            return
        }
        guard output.pointee.commit(size) else { return closeForLackOfMemory() }
        outputChanged(output)
    }

    /// Queues bytes, which are copied.
    package func enqueue(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !bytes.isEmpty else { return }
        let output = madeOutput()
        guard output.pointee.append(copying: bytes, reactor) else { return closeForLackOfMemory() }
        outputChanged(output)
    }

    /// Queues bytes; a large array is sent as it is, uncopied.
    package override func enqueue(_ bytes: [UInt8]) {
        guard bytes.count >= StreamOutput.copyLimit else { return bytes.withUnsafeBytes { enqueue($0) } }
        guard !isClosed else { return }
        let output = madeOutput()
        output.pointee.append(keeping: bytes, reactor)
        outputChanged(output)
    }

    /// Queues constant text.
    package func enqueue(_ text: StaticString) {
        enqueue(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Since when there has been output without a break; nil while there is none.
    package var outputWaitsSince: UInt64? { output.flatMap { $0.pointee.isEmpty ? nil : $0.pointee.began } }

    /// When the kernel was last seen to take some of the output that waits, or it was first there; nil while there is none.
    package var outputTakenAt: UInt64? {
        guard let output, !output.pointee.isEmpty else { return nil }
        // The peer is not to blame for the time that a disk takes.
        if sending == .awaitsFile { output.pointee.progress = loop.now }
        if sending == .underWay {
            let left = carrier?.sendLeft ?? reactor.sendLeft(handle)
            if left != output.pointee.leftAtProgress {
                output.pointee.leftAtProgress = left
                output.pointee.progress = loop.now
            }
        }
        return max(output.pointee.began, output.pointee.progress)
    }

    @inline(__always)
    func outputChanged(_ output: UnsafeMutablePointer<StreamOutput>) {
        if output.pointee.count > highWatermark { isOverHigh = true }
        guard sending == .nothing else { return }
        // Output that is neither gathered nor under way was not there before.
        output.pointee.began = loop.turnTime
        gather()
    }

    private func gather() {
        sending = .gathered
        loop.streams.gathered.append(self)
    }

    /// Called once a turn: starts to send what was gathered.
    override func flushOutput() {
        if sending == .gathered { sending = .nothing }
        sendNext()
    }

    func sendNext() {
        guard life == .open else { return }
        if let rare {
            if let channel = rare.channel { return sendNext(through: channel) }
            if let carrier = rare.carrier { return sendNext(by: carrier) }
        }
        guard sending != .underWay, sending != .awaitsFile else { return }
        guard let output, let piece = output.pointee.next(reactor) else { return finishOutput() }
        let result: CInt
        switch piece {
        case .memory(let bytes):
            result = reactor.send(handle, bytes)
            output.pointee.pieceCount = bytes.count
        case .file(let file, let range):
            guard isReady(file, range) else { return }
            result = reactor.sendFile(
                handle, file.file.descriptor, offset: UInt64(range.lowerBound), count: range.count)
            output.pointee.pieceCount = range.count
        }
        if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
        sending = .underWay
        output.pointee.progress = loop.turnTime
        output.pointee.leftAtProgress = output.pointee.pieceCount
    }

    override func sent(_ result: CInt) {
        if let channel = rare?.channel { return wireSent(result, channel) }
        sending = .nothing
        guard !isClosed else { return dropOutput() }
        if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
        let count = output?.pointee.pieceCount ?? 0
        if let output {
            output.pointee.taken(count, reactor)
            if output.pointee.isEmpty { returnOutput() }
        }
        // Writers that wait are resumed before the stream closes behind its last bytes: the close would fail them.
        outputTaken(count)
        sendNext()
        tellDrained()
    }

    @inline(__always)
    func tellDrained() {
        if isOverHigh, outputCount <= lowWatermark, !isClosed {
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

    /// The stream's one deadline, a time of the loop's clock in nanoseconds; nil: none.
    package func setDeadline(_ time: UInt64?) {
        let time = time ?? .max
        // The requests of one turn all set the same. A lingering stream has a deadline of its own, which nobody else moves.
        guard time != deadline, afterOutput != .lingering else { return }
        deadline = time
        arm(min(time, rare?.channel?.deadline ?? .max))
    }

    /// The same, where none is set that comes earlier. For a consumer that looks again at each deadline what it is that is
    /// late.
    package func setDeadline(noLaterThan time: UInt64) {
        if time < deadline { setDeadline(time) }
    }

    override var hasUnreceivedInput: Bool { isReceiving && afterOutput != .lingering && isSocketReadable }
    override func deadlinePassed(asOf time: UInt64) {
        guard !isClosed else { return }
        let channel = rare?.channel
        if let channel, channel.deadline <= time { return filterIsOverdue(channel) }
        if afterOutput == .lingering { return close(.closedHere) }
        // The deadline was moved since its timer was armed.
        guard deadline <= time else { return }
        deadline = .max
        if let channel { arm(channel.deadline) }
        consumer?.streamDeadline(self, asOf: time)
    }

    // MARK: Connecting

    override func connected(_ result: CInt) {
        guard let then = rare?.connecting.take() else { return }
        if !isClosed { life = .open }
        then(-result)
        if output != nil, sending == .nothing, !isClosed { sendNext() }
    }

    // MARK: Closing

    /// Ends the output after what is queued; the peer may go on sending.
    package override func shutDownAfterOutput() { endOutput(.shutDown) }

    /// Closes after what is queued was sent.
    package override func closeAfterOutput() { endOutput(.close) }

    /// Closes after what is queued was sent, and the peer has ended its side or two seconds have passed.
    ///
    /// For output to a peer that may still send: to close at once would reset the connection, and the reset could
    /// overtake what was sent (RFC 9112, 9.6).
    package override func lingerAfterOutput() { endOutput(.linger) }

    static let lingerTime: UInt64 = 2_000_000_000

    private func endOutput(_ how: AfterOutput) {
        guard !isClosed, afterOutput != .lingering else { return }
        // A stream that closes anyway need not be shut down first.
        if how == .shutDown, afterOutput != .goOn { return }
        afterOutput = how
        guard outputCount == 0, sending == .nothing else { return }
        // Not at once, since the filter may be calling.
        if let channel = rare?.channel { return gather(channel) }
        if let carrier { sendNext(by: carrier) } else { finishOutput() }
    }

    func finishOutput() {
        guard afterOutput != .goOn, afterOutput != .lingering else { return }
        let channel = rare?.channel
        if let channel, !filterHasEnded(channel) { return }
        switch afterOutput {
        case .goOn, .lingering: break
        case .shutDown:
            reactor.shutdown(handle)
            afterOutput = .goOn
        case .linger where !isPeerEnded && channel?.mayLinger != false:
            afterOutput = .lingering
            reactor.shutdown(handle)
            if !isDelivering { input.removeAll(reactor) }
            arm(loop.now + Self.lingerTime)
            startReceiving()
        case .close, .linger: close(isPeerEnded ? .endedByPeer : .closedHere)
        }
    }

    package override func close(_ reason: CloseReason) {
        guard !isClosed else { return }
        // Whatever closes the stream of a filter that has failed, the failure is the reason.
        let reason = rare?.channel?.failure.map { .error($0) } ?? reason
        setClosed(reason)
        isReceiving = false
        failWaiters(reason)
        if !isDelivering, !keepsInput(reason) { input.removeAll(reactor) }
        if sending != .underWay { dropOutput() }
        rare?.connecting.take()?(ECANCELED)
        if let carrier { close(carrier) } else { reactor.close(handle) }
    }

    /// Closes at once, and so that the peer sees that the connection broke and did not end: for a response that only
    /// the connection's end delimits, an orderly end would say that it is complete.
    package func reset() {
        if let fileDescriptor {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(fileDescriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close()
    }

    override func closeWithLoop() { close(.closedHere) }

    /// The reactor has let go of the socket, and calls nothing of the stream any more.
    override func closedByReactor() {
        if !isClosed {
            setClosed(.endedByPeer)
            failWaiters(.endedByPeer)
        }
        let reason = closeReason ?? .closedHere
        if !isDelivering, !keepsInput(reason) { input.removeAll(reactor) }
        dropOutput()
        rare?.connecting = nil
        rare?.channel.take()?.detach()
        consumer.take()?.streamClosed(self, reason)
        loop.streams.remove(self)
        reactor.noteClosed()
    }
}
