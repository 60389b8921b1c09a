public import ArgumentParser
public import TwisterTLS

/// The port of a server's addresses that has TLS, and its certificates, as a command line gives them.
public struct TLSOptions: Sendable, Equatable {
    /// The port; 0 takes a free one.
    public var port: UInt16
    /// Certificates and rules.
    public var options: SSLOptions

    public init(port: UInt16, _ options: SSLOptions) {
        self.port = port
        self.options = options
    }

    /// Nil where the command line and the environment do not ask for TLS.
    init?(_ flags: TLSFlags) throws {
        let port = try flags.tlsPort ?? Environment.value("TLS_PORT") { UInt16($0) }
        let certificates = try flags.tlsCertificate.orList("TLS_CERTIFICATE")
        let keys = try flags.tlsKey.orList("TLS_KEY")
        let authorities = try flags.tlsClientCA ?? Environment.value("TLS_CLIENT_CA") { $0 }
        let requirement =
            try flags.tlsClientAuth
            ?? Environment.value("TLS_CLIENT_AUTH") { SSLOptions.CertificateRequirement(rawValue: $0) }
        guard let port else {
            guard certificates.isEmpty, keys.isEmpty, authorities == nil, requirement == nil else {
                throw ValidationError("--tls-port is missing: which port is to have TLS?")
            }
            return nil
        }
        guard !certificates.isEmpty, certificates.count == keys.count else {
            throw ValidationError("--tls-port needs --tls-certificate and --tls-key, one of each for each certificate")
        }
        var options = SSLOptions(
            certificates: zip(certificates, keys).map { SSLOptions.Certificate(chain: .file($0), key: .file($1)) })
        options.certificateAuthorities = authorities.map { .file($0) }
        // Authorities that nothing asks about would be a mistake that nobody notices.
        options.certificateRequirement =
            requirement ?? (authorities == nil ? SSLOptions.CertificateRequirement.none : .required)
        if options.certificateRequirement != SSLOptions.CertificateRequirement.none, authorities == nil {
            throw ValidationError("--tls-client-auth needs --tls-client-ca: whose certificates are valid?")
        }
        self.init(port: port, options)
    }
}

/// The flags of the command line that are about TLS.
struct TLSFlags: ParsableArguments {
    @Option(
        help: "A port with TLS (https) on each address; 0 takes a free one. Without --port, there is no other one.")
    var tlsPort: UInt16?

    @Option(
        help: ArgumentHelp(
            "A file with a certificate and those that lead to its authority (PEM). May be repeated, each with its own key, for other host names; the first is for clients that name none."
        ))
    var tlsCertificate: [String] = []

    @Option(help: "A file with the private key of the certificate in the same place (PEM).")
    var tlsKey: [String] = []

    @Option(
        name: .customLong("tls-client-ca"), help: "A file with the authorities of the clients' certificates (PEM).")
    var tlsClientCA: String?

    @Option(
        help:
            "Whether clients have to show a certificate: none, optional or required. (default: required with --tls-client-ca)"
    )
    var tlsClientAuth: SSLOptions.CertificateRequirement?
}

extension SSLOptions.CertificateRequirement: ExpressibleByArgument {}

extension [String] {
    /// The list itself, or, where it is empty, the one of an environment variable, divided by commas.
    fileprivate func orList(_ variable: String) throws -> [String] {
        guard isEmpty else { return self }
        return try Environment.value(variable) { $0 }?.split(separator: ",").map(String.init) ?? []
    }
}
