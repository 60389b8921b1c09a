import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The stream of HTTP/2 on which a tunnel lies.
protocol TunnelBase: AnyObject {
    /// Opens the client's window again by so many bytes.
    func openWindow(_ count: Int)

    /// Sends bytes as DATA, once all bytes before them are taken. The bytes stay where they are until `HTTP2Tunnel.took` says
    /// that they are taken, too.
    func sendOfTunnel(_ bytes: UnsafeRawBufferPointer)

    /// How many bytes of the last `sendOfTunnel` are not taken yet.
    var leftOfTunnel: Int { get }

    /// Sends END_STREAM. The client has `time` nanoseconds to end its side, too.
    func endTunnel(within time: UInt64)

    /// Sends RST_STREAM with CANCEL.
    func breakTunnel()

    /// Tells the connection that the tunnel now holds more or fewer bytes in memory.
    func tunnelRecharged()
}

/// The bytes of a WebSocket inside one stream of HTTP/2 (RFC 8441). The tunnel carries an `IOStream`, which the WebSocket uses
/// as it uses a socket, and takes the place of the server for the WebSocket.
///
/// DATA of the client becomes bytes of the `IOStream`, and its output becomes DATA. The client's window opens as the WebSocket
/// reads. An orderly end is END_STREAM, and any other one is RST_STREAM with CANCEL (RFC 8441, 5).
final class HTTP2Tunnel {
    private enum State {
        /// The handler has not accepted the WebSocket yet. Bytes that the client sends before that are kept, at most one window
        /// of them.
        case offered(early: [UInt8])
        /// The WebSocket sits on that stream, and may send.
        case open(IOStream)
        /// END_STREAM was asked for, and the WebSocket still sits on that stream.
        case halfClosed(IOStream)
        /// The WebSocket has ended in order. The client may take until that time to end its side, too.
        case ended(until: UInt64)
        /// The handler does not accept the WebSocket, or it is broken: nothing of it is read or sent.
        case over
    }

    private let context: ServerContext
    /// Nil once it is closed.
    private var base: (any TunnelBase)?
    private var state = State.offered(early: [])
    /// The WebSocket; nil before the handler accepts it, and once it is closed.
    private(set) var socket: (any ServerConnection)?
    /// Bytes that nghttp2 has not been told are taken: the stream's window stays closed by that many.
    private var unconsumed = 0
    /// Whether the client has ended its side.
    private var isInputEnded = false
    private var timer: IOLoop.Timeout?

    /// How long the client may take to end its side of the stream, in nanoseconds.
    private static let endTime: UInt64 = 2_000_000_000

    init(_ base: any TunnelBase, _ context: ServerContext) {
        self.base = base
        self.context = context
    }

    /// Whether the handler can accept the WebSocket.
    var isOffered: Bool {
        if case .offered = state { return true }
        return false
    }

    /// The stream on which the WebSocket sits; nil before it is accepted, and once it has closed.
    private var stream: IOStream? {
        switch state {
        case .open(let stream), .halfClosed(let stream): stream
        case .offered, .ended, .over: nil
        }
    }

    /// Whether the WebSocket is open.
    var isOpen: Bool { stream != nil }

    /// Whether the WebSocket has ended in an orderly way, and the client still has time to end its side.
    var isEnding: Bool {
        if case .ended = state { return true }
        return false
    }

    /// Whether the handler has accepted the WebSocket, which did not break since.
    var isAccepted: Bool { isOpen || isEnding }

    /// Bytes in memory for the WebSocket.
    var heldBytes: Int {
        if case .offered(let early) = state { return early.count }
        return socket?.chargedBytes ?? 0
    }

    // MARK: From the stream of HTTP/2

    /// The handler accepts the WebSocket.
    func open() -> IOStream? {
        guard case .offered(let early) = state else { return nil }
        let stream = IOStream(context.loop, carrier: self)
        state = .open(stream)
        early.withUnsafeBytes { stream.carrierReceived($0) }
        return stream
    }

    /// The handler does not accept it.
    func refuse() {
        guard isOffered else { return }
        state = .over
        consume()
    }

    func received(_ bytes: UnsafeRawBufferPointer) {
        unconsumed += bytes.count
        switch state {
        case .offered(var early):
            state = .over
            early.append(contentsOf: bytes)
            state = .offered(early: early)
        case .open(let stream), .halfClosed(let stream):
            stream.carrierReceived(bytes)
            if stream.takesBytes { consume() }
        case .ended, .over: consume()
        }
    }

    /// The client has sent its last byte.
    func ended() {
        guard !isInputEnded else { return }
        isInputEnded = true
        stream?.carrierEnded()
    }

    /// All bytes of the last `send` are in DATA frames.
    func took() { stream?.carrierTook() }

    /// The stream of HTTP/2 is closed.
    func closed() {
        base = nil
        if let stream { stream.carrierClosed() } else { state = .over }
    }

    /// Whether the client takes too long to end its side.
    func isOverdue(at now: UInt64) -> Bool {
        if case .ended(let end) = state { return now >= end }
        return false
    }

    /// Opens the window of the stream again.
    private func consume() {
        guard unconsumed > 0 else { return }
        let count = unconsumed
        unconsumed = 0
        base?.openWindow(count)
    }
}

extension HTTP2Tunnel: StreamCarrier {
    func startReceiving() {
        consume()
        // The client had ended its side before the handler accepted. The consumer is told in a turn of its own, as with a
        // socket.
        if isInputEnded { context.loop.addLocalCallback { [self] in stream?.carrierEnded() } }
    }

    /// The client's window stays closed for what comes from now on.
    func stopReceiving() {}

    func send(_ bytes: UnsafeRawBufferPointer) { base?.sendOfTunnel(bytes) }

    var sendLeft: Int { base?.leftOfTunnel ?? 0 }

    func endOutput() {
        guard case .open(let stream) = state else { return }
        state = .halfClosed(stream)
        // Called in a later turn: nghttp2 may be at work, and updates the windows only after it has sent a frame.
        context.loop.addLocalCallback { [self] in base?.endTunnel(within: Self.endTime) }
    }

    func close() {
        setDeadline(.max)
        guard case .halfClosed = state else {
            state = .over
            base?.breakTunnel()
            return
        }
        state = .ended(until: context.loop.now &+ Self.endTime)
        consume()
    }

    func setDeadline(_ time: UInt64) {
        if let timer = timer.take() { context.loop.removeTimeout(timer) }
        guard time != .max else { return }
        timer = context.loop.callAt(IOLoop.Instant(nanoseconds: time)) { [weak self] in self?.deadlinePassed() }
    }

    private func deadlinePassed() {
        timer = nil
        stream?.carrierReached(context.loop.now)
    }
}

/// The tunnel in the place of the server: calls of the WebSocket about its connection concern the stream of HTTP/2.
extension HTTP2Tunnel: ConnectionHost {
    var isShuttingDown: Bool { context.isDraining }
    var writeStall: UInt64 { context.writeStall }
    var deadlines: Deadlines { context.deadlines }

    func replace(_ connection: any ServerConnection, by successor: any ServerConnection) { socket = successor }

    func connectionClosed(_ connection: any ServerConnection) {
        socket = nil
        base?.tunnelRecharged()
    }

    /// Ignored: the connection of HTTP/2 counts as the client's, not its streams.
    func releaseClient(_ client: IPAddress?) {}

    /// The bytes count as the connection's, which is parked where they are too many.
    func charge(_ change: Int, to connection: any ServerConnection) { base?.tunnelRecharged() }
}
