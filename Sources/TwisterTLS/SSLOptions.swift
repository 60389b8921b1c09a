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
        /// Tickets are encrypted with keys of the server's own, which change each hour; all loops and processes of a server have
        /// the same.
        case rotated
        /// Tickets are encrypted with the key of the first file, and decrypted with those of all: for several machines behind
        /// one name. Each file has 80 random bytes, as nginx's `ssl_session_ticket_key` has; they have to be changed from
        /// outside, and are read again at a reload.
        case files([String])
        /// There are none: each handshake is a full one.
        case off
    }

    /// The certificates. Of a server's, the first is for clients that ask for no name or an unknown one; the others are for the
    /// host names that stand in them, with wildcards. Certificates with the same names and keys of different types (RSA and
    /// ECDSA) go together. A client has at most one.
    public var certificates: [Certificate]
    /// Certificates of the authorities that a peer's certificate must come from; nil: those of the system. A server that asks
    /// for certificates needs it. Tornado: `ca_certs`.
    public var certificateAuthorities: PEMSource?
    /// Whether the peer has to show a certificate; nil: a client's server has to (`.required`), a server's client has not
    /// (`.none`).
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
    /// The protocols above TLS that are offered, the best first (ALPN, RFC 7301); nil: those that the server speaks
    /// (`http/1.1`), or none.
    public var applicationProtocols: [String]?
    /// How sessions are continued. Default `.rotated`.
    public var sessionTickets = SessionTickets.rotated
    /// How long a handshake may take; the connection is closed after it. Default 10 s.
    public var handshakeTimeout = Duration.seconds(10)
    /// How many handshakes of one server and loop may be under way. Over it, the oldest ends, so that clients that stop within
    /// theirs do not keep others out. Default 2,048.
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

    /// The files that the options name: when one of them changes, they are to be read again.
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
