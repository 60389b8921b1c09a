import CTwisterOpenSSL
import Logging
import TwisterIO

/// Gives the certificates for the handshakes that begin now.
protocol CredentialSource: AnyObject {
    var isServer: Bool { get }
    var current: TLSCredentials { get }
}

/// TLS on one stream. OpenSSL only works on bytes in memory: it is given what was received, and what it wants to send is
/// transmitted after each call. OpenSSL's connection is made only when the client's first message is complete
/// (`ClientHelloScan`).
final class TLSFilter: StreamFilter {
    private enum Phase {
        /// The client's first message is not complete; these are its bytes.
        case hello([UInt8], ClientHelloScan)
        case handshake
        case open
        /// The peer has sent its end; the application may go on to send.
        case peerEnded
        /// TLS has failed, or the stream is closed.
        case failed(any Error)
    }

    /// Says that the stream was closed during the handshake. The stream knows the reason.
    struct HandshakeCut: Error {}

    private let tls: TLSLoop
    private let source: any CredentialSource
    /// The host that a client connects to; nil on a server, and where the host is not known.
    private let hostName: String?
    private var host: (any StreamFilterHost)?
    /// OpenSSL's connection; nil before the handshake begins and once the stream is closed.
    private var ssl: OpaquePointer?
    private var phase = Phase.hello([], ClientHelloScan())
    /// The values that OpenSSL's callbacks use; lives as long as `ssl`.
    private var callbackState: TLSCallbackState?
    /// How many bytes of data the peer has sent.
    private var receivedCount = 0
    private(set) var security: StreamSecurity?
    /// The handshake's number in the loop's `HandshakeQueue`; nil: no handshake is under way.
    private var handshakeNumber: UInt64?
    /// The callbacks of `whenHandshakeEnds`. Each is called once, in order.
    private var waiting: [(Result<Void, any Error>) -> Void] = []

    init(_ tls: TLSLoop, _ source: any CredentialSource, hostName: String? = nil) {
        self.tls = tls
        self.source = source
        self.hostName = hostName
    }

    deinit { SSL_free(ssl) }

    var isServer: Bool { source.isServer }

    /// Calls `callback` once the handshake is finished or has failed; at once, if it is over already. May be called several
    /// times.
    func whenHandshakeEnds(_ callback: @escaping (Result<Void, any Error>) -> Void) {
        if security != nil { return callback(.success(())) }
        if case .failed(let error) = phase { return callback(.failure(error)) }
        waiting.append(callback)
    }

    private func tellWaiting(_ result: Result<Void, any Error>) {
        let callbacks = waiting
        waiting = []
        for callback in callbacks { callback(result) }
    }

    // MARK: From the stream

    func start(_ host: any StreamFilterHost) {
        self.host = host
        if !isServer { begin(with: UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .hello(let begun, let scan): receiveHello(begun, scan, bytes)
        case .handshake: advance(bytes)
        case .open: read(bytes)
        case .peerEnded, .failed: break
        }
    }

    func receiveEnd() {
        switch phase {
        case .hello, .handshake: fail(SSLError(.truncated, "the peer ended the connection during the handshake"))
        case .open where tls.usage.framesMessages:
            phase = .peerEnded
            host?.deliverEnd()
        case .open: fail(SSLError(.truncated, "the connection ended without the end of TLS: bytes may be missing"))
        case .peerEnded, .failed: break
        }
    }

    func send(_ bytes: UnsafeRawBufferPointer) {
        guard let ssl, let start = bytes.baseAddress, !bytes.isEmpty else { return }
        var problem: SSLError?
        work {
            var written = 0
            guard SSL_write_ex(ssl, start, bytes.count, &written) != 1 else { return }
            problem = SSLError(.protocolViolation, after: "TLS cannot send")
        }
        if let problem { fail(problem) }
    }

    func sendEnd() {
        if let ssl {
            work { _ = SSL_shutdown(ssl) }
        }
        host?.transmitEnd()
    }

    func streamClosed() {
        host = nil
        leaveQueue()
        SSL_free(ssl.take())
        callbackState = nil
        if case .failed = phase { return }
        let error = HandshakeCut()
        phase = .failed(error)
        tellWaiting(.failure(error))
    }

    // MARK: The handshake

    private func receiveHello(_ begun: [UInt8], _ begunScan: ClientHelloScan, _ bytes: UnsafeRawBufferPointer) {
        if handshakeNumber == nil {
            guard let first = bytes.first else { return }
            // Each method of HTTP begins with a capital letter, and no record of TLS does.
            if UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first, let response = tls.usage.responseToPlainText {
                host?.transmit(response())
                return fail(SSLError(.plainText, "the client does not speak TLS"))
            }
            handshakeNumber = tls.handshakes.begin(self)
        }
        var scan = begunScan
        if begun.isEmpty, case .ready = scan.look(at: bytes) { return begin(with: bytes) }
        scan = begunScan
        let all = begun + bytes
        switch all.withUnsafeBytes({ scan.look(at: $0) }) {
        case .incomplete:
            phase = .hello(all, scan)
            if let handshakeNumber { tls.handshakes.hold(handshakeNumber, all.count) }
        case .ready: all.withUnsafeBytes { begin(with: $0) }
        case .refused(let alert):
            // An alert: a record of type 21 with the level fatal.
            host?.transmit([21, 3, 1, 0, 2, 2, alert])
            fail(SSLError(.protocolViolation, "the client's first message is too long or has empty records"))
        }
    }

    private func begin(with bytes: UnsafeRawBufferPointer) {
        let credentials = source.current
        phase = .handshake
        if let handshakeNumber { tls.handshakes.hold(handshakeNumber, 0) }
        guard let ssl = SSL_new(credentials.defaultContext) else {
            return fail(SSLError(.protocolViolation, after: "memory for a TLS connection"))
        }
        self.ssl = ssl
        guard let bio = TLSWire.makeBIO(tls.wire) else {
            return fail(SSLError(.protocolViolation, after: "memory for a TLS connection"))
        }
        // One BIO for both directions; OpenSSL then owns the one reference.
        SSL_set_bio(ssl, bio, bio)
        let callbackState = TLSCallbackState(
            credentials, credentials.options.applicationProtocols ?? tls.usage.applicationProtocols)
        self.callbackState = callbackState
        TLSCallbacks.setState(callbackState, of: ssl)
        if isServer {
            SSL_set_accept_state(ssl)
        } else {
            do throws(SSLError) {
                try TLSClientRules.set(on: ssl, credentials.options, hostName)
            } catch {
                return fail(error)
            }
            SSL_set_connect_state(ssl)
        }
        advance(bytes)
    }

    private func advance(_ bytes: UnsafeRawBufferPointer) {
        guard let ssl else { return }
        var error = SSL_ERROR_NONE
        var problem: SSLError?
        let rest = work(on: bytes) {
            let result = SSL_do_handshake(ssl)
            error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result)
            if error != SSL_ERROR_NONE, error != SSL_ERROR_WANT_READ { problem = handshakeError(ssl) }
        }
        if let problem { return fail(problem) }
        guard error == SSL_ERROR_NONE else { return }
        leaveQueue()
        phase = .open
        security = StreamSecurity(ssl)
        TLSCallbacks.countMessages(on: ssl)
        host?.handshakeFinished()
        tellWaiting(.success(()))
        read(rest)
    }

    /// Why the handshake has failed.
    private func handshakeError(_ ssl: OpaquePointer) -> SSLError {
        let result = SSL_get_verify_result(ssl)
        let isMissing = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
        let reason = SSLError.lastReason
        if isMissing { return SSLError(.verification, "the peer shows no certificate, and has to") }
        guard result != Int(X509_V_OK) else {
            return SSLError(.protocolViolation, "the TLS handshake has failed: \(reason)")
        }
        let text = String(cString: X509_verify_cert_error_string(result))
        return SSLError(.verification, "the peer's certificate is not accepted: \(text)")
    }

    private func leaveQueue() {
        if let number = handshakeNumber.take() { tls.handshakes.end(number) }
    }

    // MARK: Data

    /// Decrypts what has arrived.
    private func read(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        // Asked for more than there is, OpenSSL would allocate a buffer and free it again.
        while case .open = phase, let ssl, !rest.isEmpty || SSL_has_pending(ssl) == 1 {
            var count = 0
            var error = SSL_ERROR_NONE
            var problem: SSLError?
            // OpenSSL may have to write here, too: a peer that has its keys changed gets a response.
            rest = work(on: rest) {
                guard SSL_read_ex(ssl, tls.plainText.baseAddress, tls.plainText.count, &count) != 1 else { return }
                error = SSL_get_error(ssl, 0)
                if error != SSL_ERROR_WANT_READ, error != SSL_ERROR_ZERO_RETURN {
                    problem = SSLError(.protocolViolation, after: "the peer has broken TLS")
                }
            }
            receivedCount &+= count
            if let problem { return fail(problem) }
            if error != SSL_ERROR_ZERO_RETURN, sendsTooManyMessages { return fail(Self.tooManyMessages) }
            switch error {
            case SSL_ERROR_NONE: host?.deliver(UnsafeRawBufferPointer(rebasing: tls.plainText[..<count]))
            case SSL_ERROR_ZERO_RETURN:
                phase = .peerEnded
                host?.deliverEnd()
            default: return
            }
        }
    }

    /// Messages of TLS that are not data (key updates, attempts to renegotiate) cost far more than their few bytes: a peer may
    /// send some, and more the more data it sends.
    private var sendsTooManyMessages: Bool {
        (callbackState?.messageCount ?? 0) > 64 + receivedCount / 16_384
    }

    private static let tooManyMessages = SSLError(
        .protocolViolation, "the peer has the keys changed, or asks for another handshake, too often")

    /// Has OpenSSL work on `bytes`, and transmits what it writes. Returns the bytes that it has not taken.
    @discardableResult
    @inline(__always)
    private func work(
        on bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), _ call: () -> Void
    ) -> UnsafeRawBufferPointer {
        let (rest, output) = TLSWire.use(tls.wire, bytes, call)
        if let output { host?.transmit(output) }
        return rest
    }

    /// Logs a handshake that has failed. Scanners cause many failures, so most are logged at a level for debugging. A client
    /// that is refused because of its certificate may belong to somebody who does not know that it has expired, so that is
    /// logged more prominently.
    private func note(_ error: SSLError) {
        let level: Logger.Level = isServer && error.reason == .verification ? .info : .debug
        Log.general.log(level: level, "TLS with \(host?.peerName ?? "an unknown peer"): \(error)")
    }

    private func fail(_ error: SSLError) {
        if case .failed = phase { return }
        phase = .failed(error)
        leaveQueue()
        if security == nil { note(error) }
        host?.fail(error)
        tellWaiting(.failure(error))
    }
}

extension TLSFilter: HandshakeUnderWay {
    func giveUpHandshake() {
        fail(SSLError(.tooManyHandshakes, "too many TLS handshakes are under way, and this one is the oldest"))
    }
}
