import Glibc

@testable import TwisterIO

/// A filter that a test drives by hand. It notes what it is told, and hands bytes on unchanged where it is open.
///
/// Its protocol: the handshake is one byte `h` from the peer. After `!`, nothing more comes from the peer. An end of the
/// socket before `!` is an error. Its own last byte is `!`.
final class ScriptedFilter: StreamFilter {
    struct Truncated: Error {}
    struct Refused: Error {}

    /// What the filter does when the application's output has ended.
    enum AtEnd { case transmit, wait }

    var host: (any StreamFilterHost)?
    private(set) var log: [String] = []
    private(set) var receivedCount = 0
    private(set) var isPeerEnded = false
    private(set) var isOpen = false
    var atEnd = AtEnd.transmit
    /// Called before bytes are handed on.
    var onReceive: (([UInt8]) -> Void)?

    func start(_ host: any StreamFilterHost) {
        self.host = host
        log.append("start")
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        receivedCount += bytes.count
        var rest = Array(bytes)
        onReceive?(rest)
        if !isOpen, let first = rest.first {
            guard first == UInt8(ascii: "h") else {
                host?.transmit(Array("alert".utf8))
                host?.fail(Refused())
                return
            }
            isOpen = true
            rest.removeFirst()
            host?.handshakeFinished()
        }
        guard let end = rest.firstIndex(of: UInt8(ascii: "!")) else {
            return rest.withUnsafeBytes { host?.deliver($0) } ?? ()
        }
        rest[..<end].withUnsafeBytes { host?.deliver($0) }
        isPeerEnded = true
        host?.deliverEnd()
    }

    func receiveEnd() {
        log.append("receiveEnd")
        if isPeerEnded { host?.deliverEnd() } else { host?.fail(Truncated()) }
    }

    func send(_ bytes: UnsafeRawBufferPointer) {
        log.append("send \(bytes.count)")
        host?.transmit(Array(bytes))
    }

    func sendEnd() {
        log.append("sendEnd")
        if atEnd == .transmit { transmitEnd() }
    }

    func transmitEnd() {
        host?.transmit([UInt8(ascii: "!")])
        host?.transmitEnd()
    }

    func streamClosed() {
        log.append("closed")
        host = nil
        onReceive = nil
    }
}

/// Takes a stream's bytes, notes what it is told, and does what the test wants done meanwhile.
final class ScriptedConsumer: IOStreamConsumer {
    private(set) var log: [String] = []
    private(set) var received: [UInt8] = []
    private(set) var reason: StreamClosedError.Reason?
    private(set) var isDrained = false
    var consumes = true
    /// Called with what came, while the stream delivers it.
    var onReceived: ((IOStream, [UInt8]) -> Void)?

    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        let before = Array(bytes)
        onReceived?(stream, before)
        // What is offered stays as it is, whatever was done meanwhile.
        precondition(before.elementsEqual(bytes))
        guard consumes else { return 0 }
        received += before
        log.append(text(before))
        return bytes.count
    }

    func streamEnded(_ stream: IOStream) { log.append("ended") }
    func streamPeerLeft(_ stream: IOStream, isGone: Bool) { log.append("left \(isGone)") }
    func streamDrained(_ stream: IOStream) { isDrained = true }
    func streamDeadline(_ stream: IOStream, asOf time: UInt64) { log.append("deadline") }
    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason) {
        log.append("closed")
        self.reason = reason
        onReceived = nil
    }
}

/// A stream with a scripted filter and consumer, and the other end of its socket.
struct FilteredPair {
    let loop: IOLoop
    let stream: IOStream
    let peer: BarePeer
    let filter = ScriptedFilter()
    let consumer = ScriptedConsumer()

    init(_ loop: IOLoop, tcp: Bool = false, handshakeTimeout: Duration = .seconds(10), opened: (() -> Void)? = nil)
        throws
    {
        let (mine, theirs) = tcp ? makeTCPPair() : makeSocketPair()
        self.loop = loop
        peer = BarePeer(theirs)
        stream = try IOStream(loop, fileDescriptor: mine)
        stream.consumer = consumer
        stream.addFilter(filter, handshakeTimeout: handshakeTimeout, opened: opened)
    }
}

/// The other end of a socket, whatever filter the tests run through.
final class BarePeer {
    private(set) var fd: CInt

    init(_ fd: CInt) {
        self.fd = fd
        _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
        _ = fcntl(fd, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    func send(_ text: String) { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Int { Glibc.send(fd, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }

    /// What has arrived; nil at the end.
    func receive() -> String? {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = recv(fd, &bytes, bytes.count, 0)
        return count == 0 ? nil : text(Array(bytes.prefix(max(0, count))))
    }

    func shutDown() { _ = shutdown(fd, CInt(SHUT_WR)) }

    func close() {
        guard fd >= 0 else { return }
        Glibc.close(fd)
        fd = -1
    }
}
