import CTwisterOpenSSL
import TwisterIO

extension StreamSecurity {
    /// The parameters of a finished handshake.
    convenience init(_ ssl: OpaquePointer) {
        var name: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        let chosen = name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self) }
        // A certificate that nobody has verified says nothing of the peer.
        let isVerified = SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER != 0 && SSL_get_verify_result(ssl) == Int(X509_V_OK)
        let certificate = isVerified ? SSL_get0_peer_certificate(ssl) : nil
        self.init(
            version: SSL_get_version(ssl).map { String(cString: $0) } ?? "",
            cipher: SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) } ?? "",
            applicationProtocol: chosen,
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
            isResumed: SSL_session_reused(ssl) == 1,
            peerCertificate: certificate.flatMap { PeerCertificate($0) })
    }
}
