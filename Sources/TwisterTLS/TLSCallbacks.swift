import CTwisterOpenSSL
import TwisterIO

/// The values that OpenSSL's callbacks use for one connection, during its handshake and after it.
final class TLSCallbackState {
    let credentials: TLSCredentials
    /// The protocols above TLS that are offered, the best first.
    let applicationProtocols: [String]
    /// The host name that the client asks for, in its canonical form; nil: none.
    fileprivate(set) var serverName: String?
    /// How many messages beside data the peer has sent since the handshake.
    fileprivate(set) var messageCount = 0

    init(_ credentials: TLSCredentials, _ applicationProtocols: [String]) {
        self.credentials = credentials
        self.applicationProtocols = applicationProtocols
    }
}

/// OpenSSL's callbacks for a server's connections. OpenSSL calls them only from within the calls of a `TLSFilter`; each finds
/// its `TLSCallbackState` through the connection.
enum TLSCallbacks {
    static func install(in context: OpaquePointer, hasTickets: Bool, asksForCertificate: Bool) {
        SSL_CTX_set_client_hello_cb(context, readHello, nil)
        openssl_set_server_name_callback(context, chooseContext, nil)
        SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nil)
        openssl_set_status_callback(context, staple, nil)
        guard hasTickets else { return }
        openssl_set_ticket_callback(context, protectTicket)
        if asksForCertificate { SSL_CTX_set_session_ticket_cb(context, nil, judgeSession, nil) }
    }

    /// Gives a connection the state that its callbacks use. The state must live as long as the connection.
    static func setState(_ state: TLSCallbackState, of ssl: OpaquePointer) {
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(state).toOpaque())
    }

    /// Has the messages counted that the peer sends after the handshake, other than data.
    static func countMessages(on ssl: OpaquePointer) { SSL_set_info_callback(ssl, countMessage) }

    fileprivate static func state(_ ssl: OpaquePointer?) -> TLSCallbackState? {
        guard let ssl, let pointer = SSL_get_ex_data(ssl, 0) else { return nil }
        return Unmanaged<TLSCallbackState>.fromOpaque(pointer).takeUnretainedValue()
    }
}

/// Notes the host name that the client asks for, before OpenSSL decides whether a session is continued: one of another name is
/// not (RFC 6066, 3), nor one under other rules for client certificates.
private func readHello(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<CInt>?, _: UnsafeMutableRawPointer?
) -> CInt {
    var start: UnsafePointer<UInt8>?
    var count = 0
    guard let state = TLSCallbacks.state(ssl),
        SSL_client_hello_get0_ext(ssl, CUnsignedInt(TLSEXT_TYPE_server_name), &start, &count) == 1,
        let name = ServerNames.name(in: UnsafeBufferPointer(start: start, count: count))
    else { return SSL_CLIENT_HELLO_SUCCESS }
    state.serverName = name
    let identifier = SessionIdentifier(state.credentials.sessionRules, name)
    if let identifier, identifier.set(on: ssl) { return SSL_CLIENT_HELLO_SUCCESS }
    alert?.pointee = SSL_AD_INTERNAL_ERROR
    return SSL_CLIENT_HELLO_ERROR
}

/// The certificate for the host name that the client asks for.
private func chooseContext(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<CInt>?, _: UnsafeMutableRawPointer?
) -> CInt {
    guard let state = TLSCallbacks.state(ssl), let name = state.serverName,
        let context = state.credentials.context(for: name)
    else { return SSL_TLSEXT_ERR_NOACK }
    return SSL_set_SSL_CTX(ssl, context) == nil ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK
}

/// Called at each step of OpenSSL's state machine and at each alert. Of the messages that are allowed after a handshake, each
/// goes through one of these states once; one that is not allowed is responded to with an alert.
private func countMessage(_ ssl: OpaquePointer?, _ place: CInt, _: CInt) {
    if place & SSL_CB_LOOP != 0 {
        switch SSL_get_state(ssl) {
        case TLS_ST_SR_KEY_UPDATE, TLS_ST_CR_KEY_UPDATE, TLS_ST_CR_SESSION_TICKET: break
        default: return
        }
    } else if place != SSL_CB_WRITE_ALERT {
        return
    }
    TLSCallbacks.state(ssl)?.messageCount += 1
}

/// The best protocol that both sides speak. A client that speaks none of ours gets an alert (RFC 7301, 3.2), so that its bytes
/// are not taken for another protocol's.
private func chooseProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: CUnsignedInt,
    _: UnsafeMutableRawPointer?
) -> CInt {
    guard let protocols = TLSCallbacks.state(ssl)?.applicationProtocols, !protocols.isEmpty, let offered else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let client = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    for name in protocols {
        var index = 0
        while index < client.count {
            let count = Int(client[index])
            let end = index + 1 + count
            guard end <= client.count else { break }
            if client[(index + 1)..<end].elementsEqual(name.utf8) {
                // OpenSSL copies it.
                chosen?.pointee = offered + index + 1
                chosenCount?.pointee = client[index]
                return SSL_TLSEXT_ERR_OK
            }
            index = end
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Sends the authority's statement that the certificate is not revoked (RFC 6066, 8). OpenSSL has chosen the certificate before.
private func staple(_ ssl: OpaquePointer?, _: UnsafeMutableRawPointer?) -> CInt {
    guard let credentials = TLSCallbacks.state(ssl)?.credentials, let certificate = SSL_get_certificate(ssl),
        let key = X509_get0_pubkey(certificate),
        let response = credentials.ocspResponse(for: SSL_get_SSL_CTX(ssl), keyType: EVP_PKEY_get_base_id(key))
    else { return SSL_TLSEXT_ERR_NOACK }
    return openssl_staple(ssl, response, response.count) == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
}

/// AES-256-CBC, fetched once: OpenSSL would look it up in its providers for each ticket. Sendable, because nothing changes it.
private struct TicketCipher: @unchecked Sendable {
    let pointer = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
}

private let ticketCipher = TicketCipher()

/// Encrypts a session ticket, or decrypts one that a client has sent. The results are those that OpenSSL defines: 1 for
/// success, 2 for success where the client has to get a new ticket, 0 where the key is not known so that a full handshake
/// follows, and -1 for an error.
private func protectTicket(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ isNew: CInt
) -> CInt {
    guard let keys = TLSCallbacks.state(ssl)?.credentials.tickets, let name, let vector else {
        return isNew == 1 ? -1 : 0
    }
    if isNew == 1 {
        guard let key = keys.current(), RAND_bytes(vector, 16) == 1 else { return -1 }
        UnsafeMutableRawBufferPointer(start: name, count: 16).copyBytes(from: key.name)
        let isSet =
            EVP_EncryptInit_ex(cipher, ticketCipher.pointer, nil, key.cipher, vector) == 1
            && openssl_set_hmac(mac, key.mac, key.mac.count, "SHA256") == 1
        return isSet ? 1 : -1
    }
    guard let (key, isCurrent) = keys.find(UnsafeRawBufferPointer(start: name, count: 16)) else { return 0 }
    let isSet =
        openssl_set_hmac(mac, key.mac, key.mac.count, "SHA256") == 1
        && EVP_DecryptInit_ex(cipher, ticketCipher.pointer, nil, key.cipher, vector) == 1
    guard isSet else { return -1 }
    // A client of TLS 1.3 uses each ticket once (RFC 8446, C.4), so it always gets a new one.
    return isCurrent && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2
}

/// Decides whether the session of a ticket is continued. A client whose certificate has expired since the session began has to
/// show a certificate again. Without this rule, a session could outlive its certificate for ever, because each use of a TLS 1.3
/// ticket yields a new one (RFC 8446, 4.6.1).
private func judgeSession(
    _: OpaquePointer?, _ session: OpaquePointer?, _: UnsafePointer<UInt8>?, _: Int, _ status: SSL_TICKET_STATUS,
    _: UnsafeMutableRawPointer?
) -> SSL_TICKET_RETURN {
    guard let session, status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
        return SSL_TICKET_RETURN_IGNORE_RENEW
    }
    if let certificate = SSL_SESSION_get0_peer(session), X509_cmp_current_time(X509_get0_notAfter(certificate)) != 1 {
        return SSL_TICKET_RETURN_IGNORE_RENEW
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}
