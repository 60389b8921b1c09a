import CTwisterOpenSSL
import TwisterIO

@testable import TwisterTLS

/// A client that is OpenSSL itself, on a server's filter and without sockets: it does what a client of the library never does,
/// and tells which alert it gets.
final class OpenSSLClient {
    let context: OpaquePointer
    let ssl: OpaquePointer
    let host = RecordingHost()
    let server: TLSFilter
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    /// - Parameters:
    ///   - loop: what the connections of the server share; nil: this one is alone.
    ///   - name: the host name that it asks for; nil: none.
    ///   - session: a session that it continues if the server does.
    ///   - setUp: called with OpenSSL's context before the connection is made of it.
    init(
        _ server: SSLContext, usage: SecuredUsage = SecuredUsage(), loop: TLSLoop? = nil, name: String? = nil,
        session: OpaquePointer? = nil,
        _ setUp: (_ context: OpaquePointer) -> Void = { _ in }
    ) {
        self.server = TLSFilter(loop ?? TLSLoop(usage, maxHandshakes: 8), server)
        guard let context = SSL_CTX_new(TLS_client_method()) else { preconditionFailure("SSL_CTX_new") }
        setUp(context)
        guard let ssl = SSL_new(context), let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem())
        else {
            preconditionFailure("SSL_new")
        }
        (self.context, self.ssl, self.incoming, self.outgoing) = (context, ssl, incoming, outgoing)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        if let name { precondition(openssl_set_host_name(ssl, name) == 1) }
        if let session { SSL_set_session(ssl, session) }
        self.server.start(host)
    }

    deinit {
        server.streamClosed()
        // Otherwise OpenSSL takes the connection for broken, and its session as well.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// Makes the handshake, and reads what the server sends after it.
    ///
    /// - Returns: the alert that the client has got; nil: none, and it can go on; -1: another error.
    func connect() -> CInt? {
        if let alert = run({ SSL_do_handshake(ssl) }) { return alert }
        return receive()
    }

    /// Reads what has come.
    func receive() -> CInt? {
        var byte: UInt8 = 0
        return run { SSL_read(ssl, &byte, 1) }
    }

    func send(_ text: String) -> CInt? { run { SSL_write(ssl, text, CInt(text.utf8.count)) } }

    /// The session, which the caller frees.
    var session: OpaquePointer? { SSL_get1_session(ssl) }

    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// The host name in the common name of the server's certificate.
    var commonName: String? { SSL_get0_peer_certificate(ssl).flatMap { PeerCertificate.commonName($0) } }

    private func run(_ action: () -> CInt) -> CInt? {
        while true {
            ERR_clear_error()
            let result = action()
            if result > 0 {
                _ = move()
                return nil
            }
            let error = SSL_get_error(ssl, result)
            let reason = ERR_GET_REASON(ERR_peek_error())
            let hasMoved = move()
            switch error {
            case SSL_ERROR_WANT_READ: if !hasMoved { return nil }
            case SSL_ERROR_SSL: return reason >= 1000 ? reason - 1000 : -1
            default: return -1
            }
        }
    }

    /// Moves bytes both ways until there are no more. Returns whether any have reached the client.
    func move() -> Bool {
        var hasReached = false
        while true {
            var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(outgoing)))
            if !bytes.isEmpty {
                BIO_read(outgoing, &bytes, CInt(bytes.count))
                bytes.withUnsafeBytes { server.receive($0) }
            }
            let answer = host.transmitted
            host.transmitted = []
            if !answer.isEmpty {
                BIO_write(incoming, answer, CInt(answer.count))
                hasReached = true
            }
            if bytes.isEmpty, answer.isEmpty { return hasReached }
        }
    }
}

/// Both versions that are spoken, by OpenSSL's numbers.
let testedVersions = [TLS1_2_VERSION, TLS1_3_VERSION]
