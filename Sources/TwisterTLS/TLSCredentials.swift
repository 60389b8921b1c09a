import CTwisterOpenSSL
import TwisterIO

/// The certificates and keys of all handshakes that begin at one time: OpenSSL's contexts, one for each set of host names. A
/// reload makes new credentials; a connection keeps those of its handshake.
///
/// Sendable, because nothing changes it once it is made, and OpenSSL counts references to its contexts atomically.
final class TLSCredentials: @unchecked Sendable {
    private struct Entry {
        let context: OpaquePointer
        let names: Set<String>
        /// The types of the keys of its certificates.
        var keyTypes: [CInt]
        /// The OCSP responses, by the types of their certificates' keys.
        var ocspResponses: [CInt: OCSPResponse] = [:]
    }

    private var entries: [Entry] = []
    /// The entry of each host name.
    private var names = ServerNames()
    let tickets: SessionTicketKeys?
    let options: SSLOptions
    /// The rules for client certificates: a session is continued only under the same ones, for its host name.
    let sessionRules: [UInt8]
    /// Warnings for the log: certificates that expire, or that no client gets.
    private(set) var warnings: [String] = []

    /// - Throws: `SSLError` that names the file, or the option, that cannot be used.
    init(_ options: SSLOptions, isServer: Bool, tickets: SessionTicketKeys?) throws(SSLError) {
        self.options = options
        self.tickets = tickets
        if isServer, options.certificates.isEmpty {
            throw SSLError(.configuration, "a server needs a certificate: set SSLOptions.certificates")
        }
        if !isServer, options.certificates.count > 1 {
            throw SSLError(.configuration, "a client has at most one certificate, and SSLOptions has several")
        }
        let builder = try TLSContextBuilder(options, isServer: isServer, hasTickets: tickets != nil)
        sessionRules = builder.sessionRules
        if options.certificates.isEmpty {
            let context = try builder.makeContext()
            entries.append(Entry(context: context, names: [], keyTypes: []))
        }
        for certificate in options.certificates {
            let loaded = try LoadedCertificate(certificate)
            warnings += loaded.warnings
            try add(loaded, certificate, builder)
        }
    }

    deinit {
        for entry in entries { SSL_CTX_free(entry.context) }
    }

    private func add(
        _ loaded: LoadedCertificate, _ certificate: SSLOptions.Certificate, _ builder: borrowing TLSContextBuilder
    ) throws(SSLError) {
        let names = loaded.names
        // A second key for the same names, of another type: the client decides which one is used.
        if let index = entries.firstIndex(where: { $0.names == names && !$0.keyTypes.contains(loaded.keyType) }) {
            entries[index].keyTypes.append(loaded.keyType)
            entries[index].ocspResponses[loaded.keyType] = loaded.ocspResponse
            return try builder.use(loaded, certificate, in: entries[index].context)
        }
        let context = try builder.makeContext()
        entries.append(Entry(context: context, names: names, keyTypes: [loaded.keyType]))
        entries[entries.count - 1].ocspResponses[loaded.keyType] = loaded.ocspResponse
        try builder.use(loaded, certificate, in: context)
        if !self.names.add(names, entries.count - 1), entries.count > 1 {
            warnings.append(
                "no client gets the certificate in \(certificate.chain): "
                    + (names.isEmpty ? "it has no host name" : "certificates before it have all of its host names"))
        }
    }

    /// The context for clients that ask for no name, or an unknown one.
    var defaultContext: OpaquePointer { entries[0].context }

    /// The context for a host name in its canonical form; nil: no certificate has the name.
    func context(for name: String) -> OpaquePointer? { names.index(of: name).map { entries[$0].context } }

    /// The OCSP response for the context's certificate whose key has that type; nil: there is none that is valid now.
    func ocspResponse(for context: OpaquePointer?, keyType: CInt) -> [UInt8]? {
        let response = entries.first { $0.context == context }?.ocspResponses[keyType]
        return response?.isCurrent() == true ? response?.bytes : nil
    }
}
