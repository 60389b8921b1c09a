/// The stream of a `FilterChannel`.
protocol FilteredStream: AnyObject {
    /// The filter has bytes for the consumer.
    func filterDelivered(_ bytes: UnsafeRawBufferPointer, _ channel: FilterChannel)
    /// The filter has seen the last of them.
    func filterDeliveredEnd(_ channel: FilterChannel)
    /// The filter has bytes for the socket, or has ended its output.
    func filterHasOutput(_ channel: FilterChannel)
    /// The handshake is finished.
    func filterOpened(_ channel: FilterChannel)
    /// The filter has failed; `channel.failure` says why.
    func filterFailed(_ channel: FilterChannel)
    /// Too many bytes wait for the socket: the stream receives nothing until they are sent.
    func filterIsFull(_ channel: FilterChannel)
}

/// A filter on a stream: how far it is, and the bytes that it has made for the socket.
final class FilterChannel {
    enum Phase {
        /// No output of the application flows. The handshake may last until that time.
        case handshake(until: UInt64)
        case open
        /// The application's output has ended, and the filter has last bytes of its own to transmit. The socket has to take
        /// them by that time.
        case ending(until: UInt64)
        /// The filter has transmitted everything. The socket has to take it by that time.
        case ended(until: UInt64)
        case failed(any Error)
    }

    private(set) var filter: (any StreamFilter)?
    /// Nil once the stream is closed.
    private unowned var stream: (any FilteredStream)?
    private(set) var phase: Phase
    /// Called when the handshake is finished.
    var opened: (() -> Void)?

    /// Bytes that wait for the kernel, and those that the kernel is sending. The latter stay here, and so in place, until they
    /// are sent.
    private var waiting: [UInt8] = []
    private var underWay: [UInt8] = []
    /// How many bytes of the application the filter has, or became what waits.
    var taken = 0
    /// Whether the stream is in the loop's list of those that have output.
    var isGathered = false
    /// Whether receiving pauses until the socket has taken what waits.
    var isFull = false
    /// Whether the socket has brought its end.
    private(set) var isInputEnded = false
    /// Bytes that the filter delivered while the consumer was busy with earlier ones, and whether the end came behind them.
    private var held: (bytes: [UInt8], hasEnd: Bool)?

    /// The most bytes of the application that the filter gets at once.
    static let pieceSize = 65_536
    /// So many bytes for the socket may wait before receiving pauses.
    private static let fullSize = 131_072

    init(_ filter: any StreamFilter, _ stream: any FilteredStream, handshakeDeadline: UInt64, opened: (() -> Void)?) {
        self.filter = filter
        self.stream = stream
        phase = .handshake(until: handshakeDeadline)
        self.opened = opened
    }

    var failure: (any Error)? {
        if case .failed(let error) = phase { return error }
        return nil
    }

    var isHandshaking: Bool {
        if case .handshake = phase { return true }
        return false
    }

    /// When the phase under way has lasted too long; `.max`: never.
    var deadline: UInt64 {
        switch phase {
        case .handshake(let time), .ending(let time): time
        case .ended(let time): hasWire ? time : .max
        case .open, .failed: .max
        }
    }

    /// Whether the socket's bytes are taken, if the consumer wants any.
    var mayReceive: Bool { !isFull && !isInputEnded }

    /// Whether it is of use to wait for the peer's end: the socket has not brought it yet, and something was said.
    var mayLinger: Bool { !isInputEnded && !isHandshaking }

    // MARK: From the stream

    func start() { filter?.start(self) }

    func received(_ bytes: UnsafeRawBufferPointer) { filter?.receive(bytes) }

    func receivedEnd() {
        isInputEnded = true
        filter?.receiveEnd()
    }

    func send(_ bytes: UnsafeRawBufferPointer) {
        taken = bytes.count
        filter?.send(bytes)
    }

    /// The application's output has ended; the filter's own may last until `deadline`.
    func sendEnd(until deadline: UInt64) {
        phase = .ending(until: deadline)
        filter?.sendEnd()
    }

    /// The stream is closed.
    func detach() {
        stream = nil
        opened = nil
        held = nil
        filter.take()?.streamClosed()
    }

    // MARK: Bytes for the socket

    var isSending: Bool { !underWay.isEmpty }
    var hasWire: Bool { isSending || !waiting.isEmpty }

    /// Hands everything that waits to `send`, which gives it to the kernel; false where nothing waits.
    func sendWaiting(_ send: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard !isSending, !waiting.isEmpty else { return false }
        swap(&waiting, &underWay)
        underWay.withUnsafeBytes(send)
        return true
    }

    /// The kernel has taken what was under way.
    func wireSent() { underWay = [] }

    // MARK: Bytes that the consumer gets later

    var isHolding: Bool { held != nil }

    func hold(_ bytes: UnsafeRawBufferPointer) {
        if held == nil { held = ([], false) }
        if held?.hasEnd == false { held?.bytes += bytes }
    }

    func holdEnd() { held = (held?.bytes ?? [], true) }

    func takeHeld() -> (bytes: [UInt8], hasEnd: Bool)? { held.take() }
}

extension FilterChannel: StreamFilterHost {
    func deliver(_ bytes: UnsafeRawBufferPointer) { stream?.filterDelivered(bytes, self) }

    func deliverEnd() { stream?.filterDeliveredEnd(self) }

    func transmit(_ bytes: [UInt8]) {
        guard let stream, !bytes.isEmpty else { return }
        switch phase {
        case .ended, .failed: return
        case .handshake, .open, .ending: break
        }
        if waiting.isEmpty { waiting = bytes } else { waiting += bytes }
        if waiting.count > Self.fullSize, !isFull {
            isFull = true
            stream.filterIsFull(self)
        }
        stream.filterHasOutput(self)
    }

    func transmitEnd() {
        guard let stream, case .ending(let deadline) = phase else { return }
        phase = .ended(until: deadline)
        stream.filterHasOutput(self)
    }

    func handshakeFinished() {
        guard let stream, isHandshaking else { return }
        phase = .open
        stream.filterOpened(self)
    }

    func fail(_ error: any Error) {
        guard let stream, failure == nil else { return }
        phase = .failed(error)
        stream.filterFailed(self)
    }
}
