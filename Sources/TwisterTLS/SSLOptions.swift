/// How a server or a client uses TLS. The defaults are Mozilla's "intermediate" profile: TLS 1.2 and 1.3 with forward secrecy and
/// authenticated encryption, which all browsers since 2014 speak.
///
///     var options = SSLOptions(certificate: "fullchain.pem", key: "privkey.pem")
///     options.certificateAuthorities = .file("staff-ca.pem")
///     options.certificateRequirement = .required
///
/// The files are read, and mistakes found, when an `SSLContext` is made of the options.
///
/// Tornado: `ssl_options`.
public struct SSLOptions: Sendable, Equatable {
    /// A certificate with its key.
    public struct Certificate: Sendable, Equatable {
        /// The certificate, followed by those that lead to an authority that clients know. Tornado: `certfile`.
        public var chain: PEMSource
        /// The certificate's private key. Tornado: `keyfile`.
        public var key: PEMSource
        /// The passphrase of an encrypted key.
        public var passphrase: String?
        /// The path of a file with the authority's OCSP response (DER), which is sent to clients that ask for it; nil: none is
        /// sent. Something has to renew the file (`openssl ocsp -respout`).
        public var ocspResponse: String?

        public init(chain: PEMSource, key: PEMSource, passphrase: String? = nil, ocspResponse: String? = nil) {
            self.chain = chain
            self.key = key
            self.passphrase = passphrase
            self.ocspResponse = ocspResponse
        }
    }

    /// Whether the peer has to show a certificate. Tornado: `cert_reqs`.
    public enum CertificateRequirement: String, Sendable, CaseIterable {
        /// None is asked for; a client accepts any server, so that anybody can pretend to be it. Python: `CERT_NONE`.
        case none
        /// It is asked for, and has to be valid where there is one. Python: `CERT_OPTIONAL`.
        case optional
        /// The handshake fails without a valid one. Python: `CERT_REQUIRED`.
        case required
    }

    /// A version of the protocol.
    public enum Version: Sendable, Equatable, Comparable {
        /// TLS 1.2 (RFC 5246).
        case tls12
        /// TLS 1.3 (RFC 8446).
        case tls13
    }

    /// How clients continue their sessions without another full handshake (RFC 5077, RFC 8446).
    public enum SessionTickets: Sendable, Equatable {
        /// Tickets are encrypted with the server's own keys, which change each hour. All loops and processes of a server have
        /// the same keys.
        case rotated
        /// Tickets are encrypted with the key of the first file, and decrypted with those of all: for several machines behind
        /// one name. Each file has 80 random bytes, as nginx's `ssl_session_ticket_key` has; they have to be changed from
        /// outside, and are read again at a reload.
        case files([String])
        /// No tickets: each handshake is a full one.
        case off
    }

    /// The certificates. A server's first certificate is for clients that name no host or an unknown one; the others are for
    /// the host names that they contain, with wildcards. Certificates with the same names and keys of different types (RSA and
    /// ECDSA) serve the same hosts. A client has at most one certificate.
    public var certificates: [Certificate]
    /// Certificates of the authorities that a peer's certificate must come from; nil: those of the system. A server that asks
    /// clients for certificates has to set this. Tornado: `ca_certs`.
    public var certificateAuthorities: PEMSource?
    /// Whether the peer has to show a certificate. Default nil: a server has to show one to its client (`.required`), and a
    /// client none to its server (`.none`).
    public var certificateRequirement: CertificateRequirement?
    /// Whether a client checks that the certificate is for the host that it connects to. Default true.
    ///
    /// Python: `SSLContext.check_hostname`.
    public var checksHostName = true
    /// The lowest version that is spoken. Default TLS 1.2.
    public var minimumVersion = Version.tls12
    /// The highest version that is spoken. Default TLS 1.3.
    public var maximumVersion = Version.tls13
    /// Cipher suites of TLS 1.2, in OpenSSL's notation; nil: Mozilla's intermediate ones. Tornado: `ciphers`.
    public var ciphers: String?
    /// The protocols above TLS that are offered, the preferred one first (ALPN, RFC 7301). Default nil: a server of HTTP offers
    /// the versions that it speaks, anything else none.
    public var applicationProtocols: [String]?
    /// How sessions are continued. Default `.rotated`.
    public var sessionTickets = SessionTickets.rotated
    /// How long a handshake may take before the connection is closed. Default 10 s.
    public var handshakeTimeout = Duration.seconds(10)
    /// How many handshakes may be under way for one server on one loop. Over it, the oldest handshake ends, so that clients
    /// that stop within a handshake do not keep others out. Default 2,048.
    public var maxHandshakes = 2048

    public init() { certificates = [] }

    /// - Parameters:
    ///   - certificate: the path of a file with the certificate and those that lead to its authority.
    ///   - key: the path of a file with its private key.
    ///   - passphrase: of an encrypted key.
    public init(certificate: String, key: String, passphrase: String? = nil) {
        self.init(certificates: [Certificate(chain: .file(certificate), key: .file(key), passphrase: passphrase)])
    }

    public init(certificates: [Certificate]) { self.certificates = certificates }

    /// The files that the options name. The files are read again when one of them changes.
    var paths: [String] {
        var paths = certificates.flatMap { [$0.chain.path, $0.key.path, $0.ocspResponse] }.compactMap(\.self)
        if let path = certificateAuthorities?.path { paths.append(path) }
        if case .files(let files) = sessionTickets { paths += files }
        return paths
    }

    /// The same, with paths that do not depend on the process's working directory.
    var withAbsolutePaths: SSLOptions {
        var options = self
        for index in options.certificates.indices {
            options.certificates[index].chain = certificates[index].chain.absolute
            options.certificates[index].key = certificates[index].key.absolute
            options.certificates[index].ocspResponse = certificates[index].ocspResponse.map(PEMSource.absolute)
        }
        options.certificateAuthorities = certificateAuthorities?.absolute
        if case .files(let files) = sessionTickets { options.sessionTickets = .files(files.map(PEMSource.absolute)) }
        return options
    }
}
