import CTwisterOpenSSL

/// Makes OpenSSL's contexts by the options; all contexts of one set of options are set up alike.
struct TLSContextBuilder: ~Copyable {
    private let options: SSLOptions
    private let isServer: Bool
    private let hasTickets: Bool
    /// The certificates of `certificateAuthorities`; freed with the builder.
    private let authorities: [OpaquePointer]
    /// A digest of the rules for client certificates.
    let sessionRules: [UInt8]

    /// Mozilla's intermediate profile, without the suites of finite-field Diffie-Hellman: they serve no browser of today, and a
    /// client can have a server compute them at little cost of its own.
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:prime256v1:secp384r1"

    init(_ options: SSLOptions, isServer: Bool, hasTickets: Bool) throws(SSLError) {
        self.options = options
        self.isServer = isServer
        self.hasTickets = hasTickets
        let requirement = Self.requirement(options, isServer)
        if isServer, requirement != .none, options.certificateAuthorities == nil {
            throw SSLError(
                .configuration,
                "a server that asks for certificates needs SSLOptions.certificateAuthorities: whose certificates are valid?"
            )
        }
        guard options.minimumVersion <= options.maximumVersion else {
            throw SSLError(.configuration, "SSLOptions.minimumVersion is above maximumVersion")
        }
        var seed = Array("Twister \(requirement)".utf8)
        if let source = options.certificateAuthorities {
            seed += try source.read()
        }
        // First, because nothing frees the certificates of a builder that could not be made.
        let rules = try Self.digest(seed)
        if let source = options.certificateAuthorities {
            authorities = try LoadedCertificate.certificates(source)
        } else {
            authorities = []
        }
        sessionRules = rules
    }

    /// The SHA-256 of the octets.
    private static func digest(_ octets: [UInt8]) throws(SSLError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        // Contexts with other rules would continue each other's sessions if all of them had the same octets here.
        guard EVP_Digest(octets, octets.count, &digest, nil, EVP_sha256(), nil) == 1 else {
            throw SSLError(.configuration, after: "compute the digest of the rules for client certificates")
        }
        return digest
    }

    deinit {
        for authority in authorities { X509_free(authority) }
    }

    private static func requirement(_ options: SSLOptions, _ isServer: Bool) -> SSLOptions.CertificateRequirement {
        options.certificateRequirement ?? (isServer ? .none : .required)
    }

    func makeContext() throws(SSLError) -> OpaquePointer {
        guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw SSLError(.configuration, after: "make a TLS context")
        }
        do throws(SSLError) {
            try setRules(of: context)
            try setVerification(of: context)
            if isServer {
                let asksForCertificate = Self.requirement(options, isServer) != .none
                TLSCallbacks.install(in: context, hasTickets: hasTickets, asksForCertificate: asksForCertificate)
            }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        return context
    }

    private func setRules(of context: OpaquePointer) throws(SSLError) {
        openssl_set_options(context)
        openssl_disable_session_cache(context)
        let versions = [options.minimumVersion, options.maximumVersion].map { version in
            version == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION
        }
        guard openssl_set_versions(context, versions[0], versions[1]) == 1,
            SSL_CTX_set_ciphersuites(context, Self.cipherSuites) == 1,
            openssl_set_groups(context, Self.groups) == 1
        else { throw SSLError(.configuration, after: "set the rules of TLS") }
        guard SSL_CTX_set_cipher_list(context, options.ciphers ?? Self.ciphers) == 1 else {
            throw SSLError(.configuration, after: "SSLOptions.ciphers")
        }
        if !hasTickets {
            openssl_disable_tickets(context)
            SSL_CTX_set_num_tickets(context, 0)
        } else {
            // Each costs as much as a record; clients that open several connections at once share one.
            SSL_CTX_set_num_tickets(context, 1)
            SSL_CTX_set_timeout(context, Int(TicketClock.period))
        }
        SSL_CTX_set_session_id_context(context, sessionRules, CUnsignedInt(sessionRules.count))
    }

    private func setVerification(of context: OpaquePointer) throws(SSLError) {
        let mode: CInt
        switch Self.requirement(options, isServer) {
        case .none: mode = SSL_VERIFY_NONE
        case .optional: mode = SSL_VERIFY_PEER
        case .required: mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        }
        SSL_CTX_set_verify(context, mode, nil)
        guard mode != SSL_VERIFY_NONE else { return }
        guard !authorities.isEmpty else {
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw SSLError(.configuration, after: "find the system's certificate authorities")
            }
            return
        }
        let store = SSL_CTX_get_cert_store(context)
        for authority in authorities {
            guard X509_STORE_add_cert(store, authority) == 1,
                !isServer || SSL_CTX_add_client_CA(context, authority) == 1
            else { throw SSLError(.configuration, after: "SSLOptions.certificateAuthorities") }
        }
    }

    /// Sets a certificate beside those that the context has.
    func use(
        _ loaded: LoadedCertificate, _ certificate: SSLOptions.Certificate, in context: OpaquePointer
    ) throws(SSLError) {
        guard SSL_CTX_use_certificate(context, loaded.chain[0]) == 1 else {
            throw SSLError(.configuration, after: "\(certificate.chain)")
        }
        guard SSL_CTX_use_PrivateKey(context, loaded.key) == 1 else {
            throw SSLError(.configuration, after: "\(certificate.key)")
        }
        for issuer in loaded.chain.dropFirst() {
            guard openssl_add_chain_certificate(context, issuer) == 1 else {
                throw SSLError(.configuration, after: "\(certificate.chain)")
            }
        }
    }
}
