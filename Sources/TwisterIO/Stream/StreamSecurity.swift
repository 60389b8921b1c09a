/// The parameters of a stream's TLS handshake, and the peer's certificate.
///
/// Tornado: the `SSLSocket` of an `SSLIOStream`, asked for its `version()`, `cipher()` and `getpeercert()`.
public final class StreamSecurity: Sendable {
    /// The version of the protocol: `TLSv1.2` or `TLSv1.3`.
    public let version: String
    /// The name of the cipher suite in OpenSSL's spelling: `TLS_AES_128_GCM_SHA256`.
    public let cipher: String
    /// The protocol above TLS that both sides have agreed on (ALPN, RFC 7301): `http/1.1` or `h2`; nil: they agreed on none.
    public let applicationProtocol: String?
    /// The host name that the client asked for (SNI, RFC 6066); nil: it named none.
    public let serverName: String?
    /// Whether the handshake continued an earlier session, which needs no certificates.
    public let isResumed: Bool
    /// The certificate that the peer has proved to own, and that was verified; nil: the peer has shown none.
    public let peerCertificate: PeerCertificate?

    package init(
        version: String, cipher: String, applicationProtocol: String?, serverName: String?, isResumed: Bool,
        peerCertificate: PeerCertificate?
    ) {
        self.version = version
        self.cipher = cipher
        self.applicationProtocol = applicationProtocol
        self.serverName = serverName
        self.isResumed = isResumed
        self.peerCertificate = peerCertificate
    }
}

/// An X.509 certificate, as the peer of a TLS connection has shown it.
///
/// Tornado: the dictionary of `get_ssl_certificate()`.
public struct PeerCertificate: Sendable, Equatable {
    /// The subject's distinguished name in the form of RFC 2253: `CN=alice,O=Example`.
    public let subject: String
    /// The issuer's distinguished name in the same form.
    public let issuer: String
    /// The common name in the subject; nil where it has none.
    public let commonName: String?
    /// The host names among the subject's alternative names.
    public let dnsNames: [String]
    /// The mail addresses among the subject's alternative names.
    public let emailAddresses: [String]
    /// The URIs among the subject's alternative names, such as SPIFFE identifiers.
    public let uris: [String]
    /// The serial number in hexadecimal.
    public let serialNumber: String
    /// When the certificate becomes valid, in seconds since 1970.
    public let notBefore: Int64
    /// When it expires, in seconds since 1970.
    public let notAfter: Int64
    /// The SHA-256 of the certificate, 64 hexadecimal digits in lower case.
    public let fingerprint: String
    /// The certificate itself in DER. Tornado: `get_ssl_certificate(binary_form=True)`.
    public let derBytes: [UInt8]

    package init(
        subject: String, issuer: String, commonName: String?, dnsNames: [String], emailAddresses: [String],
        uris: [String], serialNumber: String, notBefore: Int64, notAfter: Int64, fingerprint: String, derBytes: [UInt8]
    ) {
        self.subject = subject
        self.issuer = issuer
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.emailAddresses = emailAddresses
        self.uris = uris
        self.serialNumber = serialNumber
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.fingerprint = fingerprint
        self.derBytes = derBytes
    }
}

extension IOStream {
    /// The result of the stream's TLS handshake; nil for a stream without TLS, before the handshake is finished, and once
    /// the stream is closed.
    public var security: StreamSecurity? { rare?.channel?.filter?.security }
}
