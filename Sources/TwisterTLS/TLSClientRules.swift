import CTwisterOpenSSL
import Glibc

/// The rules of a client for the server that it connects to.
enum TLSClientRules {
    /// - Parameter hostName: the name or the numeric address of the server; nil: it is not known.
    static func set(on ssl: OpaquePointer, _ options: SSLOptions, _ hostName: String?) throws(SSLError) {
        if let protocols = options.applicationProtocols, !protocols.isEmpty {
            try setProtocols(protocols, on: ssl)
        }
        let isVerified = options.certificateRequirement != SSLOptions.CertificateRequirement.none
        guard let hostName else {
            if isVerified, options.checksHostName {
                throw SSLError(
                    .configuration,
                    "the server's name is not known, so that its certificate cannot be checked: pass serverHostname")
            }
            return
        }
        // A NUL would end the name early for OpenSSL.
        guard !hostName.utf8.contains(0), !hostName.isEmpty else {
            throw SSLError(.configuration, "the server's name is empty or has a NUL")
        }
        var name = hostName
        if name.hasSuffix(".") { name.removeLast() }
        let isAddress = isNumeric(name)
        if !isAddress, openssl_set_host_name(ssl, name) != 1 {
            throw SSLError(.configuration, after: "the server's name \(name)")
        }
        guard isVerified, options.checksHostName else { return }
        SSL_set_hostflags(ssl, CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        let isSet =
            isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) : SSL_set1_host(ssl, name)
        guard isSet == 1 else { throw SSLError(.configuration, after: "the server's name \(name)") }
    }

    private static func setProtocols(_ protocols: [String], on ssl: OpaquePointer) throws(SSLError) {
        var list: [UInt8] = []
        for name in protocols {
            guard let count = UInt8(exactly: name.utf8.count), count > 0 else {
                throw SSLError(.configuration, "SSLOptions.applicationProtocols: a name has 1 to 255 bytes")
            }
            list += [count] + Array(name.utf8)
        }
        guard SSL_set_alpn_protos(ssl, list, CUnsignedInt(clamping: list.count)) == 0 else {
            throw SSLError(.configuration, after: "SSLOptions.applicationProtocols")
        }
    }

    private static func isNumeric(_ name: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1
    }
}
