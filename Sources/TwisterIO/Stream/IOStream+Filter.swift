import Glibc

extension IOStream {
    /// Puts a filter between the socket and the consumer, before anything was received or sent.
    ///
    /// - Parameters:
    ///   - handshakeTimeout: how long the filter's handshake may take. After it, the stream closes with
    ///     `HandshakeTimeoutError`.
    ///   - opened: called once when the handshake is finished, before the consumer gets any bytes. It may choose the consumer
    ///     by what was negotiated. Not called where the stream closes before that.
    package func addFilter(
        _ filter: any StreamFilter, handshakeTimeout: Duration = .seconds(10), opened: (() -> Void)? = nil
    ) {
        guard !isClosed else { return filter.streamClosed() }
        precondition(
            life == .open && rare?.channel == nil && input.isEmpty && output == nil && !isPeerEnded,
            "IOStream: a filter comes first of all")
        let handshakeDeadline = loop.now &+ UInt64(clamping: handshakeTimeout.nanosecondsClamped)
        let channel = FilterChannel(filter, self, handshakeDeadline: handshakeDeadline, opened: opened)
        madeRare().channel = channel
        armDeadline(channel)
        // The handshake is received whether the consumer receives or not.
        receiveFromReactor()
        channel.start()
    }

    /// The stream's filter, until the stream is closed: what was negotiated, and with whom.
    package var filter: (any StreamFilter)? { rare?.channel?.filter }

    /// Whether the filter's handshake is under way.
    package var isHandshaking: Bool { rare?.channel?.isHandshaking ?? false }

    private func armDeadline(_ channel: FilterChannel) { arm(min(deadline, channel.deadline)) }

    /// A phase of the filter has lasted too long.
    func filterIsOverdue(_ channel: FilterChannel) {
        if channel.isHandshaking { return close(.error(HandshakeTimeoutError())) }
        close(.failed(IOError(errno: ETIMEDOUT, "send the end")))
    }
}

// MARK: - Output

extension IOStream {
    /// How long the peer may take for the filter's last bytes.
    private static let endTime: UInt64 = 30_000_000_000

    /// Has the stream looked after at the end of the turn.
    func gather(_ channel: FilterChannel) {
        guard !channel.isGathered, !channel.isSending else { return }
        channel.isGathered = true
        loop.streams.gathered.append(self)
    }

    /// Sends what the filter has for the socket. Where that is nothing, the filter gets a piece of the application's output,
    /// which counts as waiting until the socket has taken what the filter makes of it.
    func sendNext(through channel: FilterChannel) {
        // Bytes that the filter transmits during this call are sent by this call.
        channel.isGathered = true
        defer { channel.isGathered = false }
        // Output that waits for the filter is gathered: nothing but the filter makes it go on.
        if sending == .nothing, outputCount > 0 { sending = .gathered }
        guard !channel.isSending else { return }
        if !channel.hasWire, afterOutput != .lingering {
            giveOutput(to: channel)
            guard !isClosed else { return }
            endWithLastOutput(channel)
            guard !isClosed else { return }
        }
        var result: CInt = 0
        if channel.sendWaiting({ result = reactor.send(handle, $0) }) {
            if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
            output?.pointee.progress = loop.turnTime
            output?.pointee.leftAtProgress = reactor.sendLeft(handle)
        } else if let failure = channel.failure {
            // Bytes that the filter transmitted before it failed are sent, and the peer gets time to read them.
            if channel.isInputEnded { close(.error(failure)) } else { reactor.shutdown(handle) }
        }
    }

    /// A filter that has got all of the application's output ends its own at once, so that both go out by one system call.
    private func endWithLastOutput(_ channel: FilterChannel) {
        guard case .open = channel.phase, channel.taken > 0, channel.taken == outputCount else { return }
        switch afterOutput {
        case .close, .linger, .shutDown: endOutput(of: channel)
        case .goOn, .lingering: break
        }
    }

    private func giveOutput(to channel: FilterChannel) {
        guard channel.taken == 0, sending != .awaitsFile else { return }
        guard outputCount > 0 else { return finishOutput() }
        switch channel.phase {
        case .handshake, .failed: break
        case .open:
            guard let piece = output?.pointee.next(reactor, atMost: FilterChannel.pieceSize) else { return }
            if case .file(let file, let range) = piece, !isReady(file, range) { return }
            sending = .underWay
            loop.streams.hasCalledFilters = true
            send(piece, through: channel)
        case .ending, .ended:
            // As without a filter, where the kernel refuses output after a half-close.
            if afterOutput == .goOn { close(.failed(IOError(errno: EPIPE, "send"))) } else { finishOutput() }
        }
    }

    private func send(_ piece: StreamOutput.Piece, through channel: FilterChannel) {
        switch piece {
        case .memory(let bytes): channel.send(bytes)
        case .file(let file, let range):
            let read = withUnsafeTemporaryAllocation(byteCount: range.count, alignment: 16) { room in
                let read = pread(file.file.descriptor, room.baseAddress, range.count, off_t(range.lowerBound))
                if read > 0 { channel.send(UnsafeRawBufferPointer(rebasing: room[..<read])) }
                return read
            }
            // A file that ended too early breaks the connection, as it does without a filter.
            if read <= 0 { close(.failed(IOError(errno: read < 0 ? errno : ENODATA, "read a file to send"))) }
        }
    }

    /// The socket has taken the filter's bytes, or has failed to.
    func wireSent(_ result: CInt, _ channel: FilterChannel) {
        channel.wireSent()
        guard !isClosed else { return dropOutput() }
        if result < 0 { return close(.failed(IOError(errno: -result, "send"))) }
        guard !channel.hasWire else { return sendNext(through: channel) }
        if channel.isFull {
            channel.isFull = false
            updateReceiving(channel)
        }
        let count = channel.taken
        if count > 0, let output {
            channel.taken = 0
            sending = .nothing
            output.pointee.taken(count, reactor)
            if output.pointee.isEmpty { returnOutput() }
            outputTaken(count)
        }
        sendNext(through: channel)
        if count > 0 { tellDrained() }
    }

    /// The filter transmits its last bytes.
    private func endOutput(of channel: FilterChannel) {
        loop.streams.hasCalledFilters = true
        channel.sendEnd(until: loop.now &+ Self.endTime)
        if !isClosed { armDeadline(channel) }
    }

    /// Ends the filter's output, once the application's has ended. Returns whether the socket may be shut down or closed.
    func filterHasEnded(_ channel: FilterChannel) -> Bool {
        switch channel.phase {
        // Nothing was said yet, so nothing has to be ended; but a half-close must not break the handshake.
        case .handshake: return afterOutput != .shutDown
        case .open:
            endOutput(of: channel)
            guard !isClosed else { return false }
        case .ending, .ended: break
        case .failed: return false
        }
        guard case .ended = channel.phase, !channel.hasWire else { return false }
        armDeadline(channel)
        return true
    }
}

// MARK: - Input

extension IOStream {
    /// Receives from the socket if the consumer or the handshake wants it and the filter can take it.
    private func updateReceiving(_ channel: FilterChannel) {
        if channel.mayReceive, isReceiving || channel.isHandshaking || afterOutput == .lingering {
            receiveFromReactor()
        } else {
            reactor.stopReceiving(handle)
        }
    }

    /// The consumer gets what its filter delivered while it was busy.
    private func offerHeld() {
        guard !isClosed, let channel = rare?.channel, let held = channel.takeHeld() else { return }
        held.bytes.withUnsafeBytes { filterDelivered($0, channel) }
        if held.hasEnd { filterDeliveredEnd(channel) }
    }

    private func holdBack(_ channel: FilterChannel, _ hold: () -> Void) {
        if !channel.isHolding { loop.addLocalCallback { [self] in offerHeld() } }
        hold()
    }
}

extension IOStream: FilteredStream {
    func filterDelivered(_ bytes: UnsafeRawBufferPointer, _ channel: FilterChannel) {
        guard !isClosed, !isPeerEnded, afterOutput != .lingering, !bytes.isEmpty else { return }
        // The consumer looks at the bytes that it was offered before: they stay where they are until it has returned.
        if isDelivering || channel.isHolding { return holdBack(channel) { channel.hold(bytes) } }
        deliver(copyOf: bytes)
    }

    /// Offers the consumer bytes that lie in memory of the caller.
    func deliver(copyOf bytes: UnsafeRawBufferPointer) {
        if input.isEmpty, bytes.count <= reactor.bufferSize, let source = bytes.baseAddress,
            let (buffer, base) = reactor.acquireBuffer()
        {
            base.copyMemory(from: source, byteCount: bytes.count)
            input.pin(UnsafeRawBufferPointer(start: base, count: bytes.count), buffer: buffer)
        } else {
            guard input.append(bytes, reactor) else { return closeForLackOfMemory() }
        }
        deliverInput()
        if input.isPinned { loop.streams.holding.append(self) }
    }

    func filterDeliveredEnd(_ channel: FilterChannel) {
        guard !isClosed, !isPeerEnded else { return }
        if isDelivering || channel.isHolding { return holdBack(channel) { channel.holdEnd() } }
        isReceiving = false
        // The socket's own end may be still to come. Until then a peer that hangs up is noticed.
        if !channel.isInputEnded { reactor.stopReceiving(handle) }
        peerEnded()
    }

    func filterHasOutput(_ channel: FilterChannel) {
        if !isClosed { gather(channel) }
    }

    func filterIsFull(_ channel: FilterChannel) { reactor.stopReceiving(handle) }

    func filterOpened(_ channel: FilterChannel) {
        guard !isClosed else { return }
        let opened = channel.opened.take()
        if afterOutput != .lingering { armDeadline(channel) }
        opened?()
        guard !isClosed else { return }
        updateReceiving(channel)
        // Output and its end may have waited for this.
        if outputCount > 0 || afterOutput != .goOn { gather(channel) }
    }

    func filterFailed(_ channel: FilterChannel) {
        guard !isClosed, let failure = channel.failure else { return }
        guard channel.hasWire else { return close(.error(failure)) }
        // An alert is sent first, and the peer gets time to read it. What it sends meanwhile is dropped.
        failWaiters(.error(failure))
        afterOutput = .lingering
        arm(loop.now &+ Self.lingerTime)
        updateReceiving(channel)
        gather(channel)
    }
}
