import CTwisterOpenSSL
import Glibc
import TwisterIO

/// A certificate with its chain and its key, as OpenSSL has them. The objects are released with it.
final class LoadedCertificate {
    /// The certificate itself, then those that lead to its authority.
    let chain: [OpaquePointer]
    let key: OpaquePointer
    /// The authority's OCSP response that belongs to the certificate; nil: none.
    private(set) var ocspResponse: OCSPResponse?
    private let source: PEMSource
    /// Mistakes that do not prevent the certificate's use: they are logged.
    private(set) var warnings: [String] = []

    /// - Throws: `SSLError` with the name of the file that cannot be used.
    init(_ certificate: SSLOptions.Certificate) throws(SSLError) {
        source = certificate.chain
        let chain = try Self.certificates(certificate.chain)
        do throws(SSLError) {
            key = try Self.key(certificate)
        } catch {
            for certificate in chain { X509_free(certificate) }
            throw error
        }
        self.chain = chain
        // All properties are set, so that what is thrown from here on releases them.
        if let path = certificate.ocspResponse { ocspResponse = try OCSPResponse(file: path) }
        try checkKey(certificate)
        warnings = [problemOfTime, problemOfOrder].compactMap(\.self)
        checkOCSPResponse(certificate)
    }

    deinit {
        for certificate in chain { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// The host names of the certificate, in lower case.
    var names: Set<String> {
        let names = PeerCertificate.alternativeNames(chain[0]).dnsNames
        if !names.isEmpty { return Set(names.map { $0.lowercased() }) }
        return Set([PeerCertificate.commonName(chain[0])].compactMap { $0?.lowercased() })
    }

    /// OpenSSL's number of the key's type: RSA, EC, Ed25519.
    var keyType: CInt { EVP_PKEY_get_base_id(key) }

    // MARK: Checks

    private func checkKey(_ certificate: SSLOptions.Certificate) throws(SSLError) {
        defer { ERR_clear_error() }
        if X509_check_private_key(chain[0], key) == 1 { return }
        let isLater = chain.dropFirst().contains { X509_check_private_key($0, key) == 1 }
        throw SSLError(
            .configuration,
            isLater
                ? "\(source): the certificate of the key has to be the first in it, before those that lead to its authority"
                : "\(certificate.key): the key does not belong to the certificate in \(source)")
    }

    /// The chain is sent as it is, and some clients know only its order.
    private var problemOfOrder: String? {
        defer { ERR_clear_error() }
        let isInOrder = zip(chain, chain.dropFirst()).allSatisfy { X509_check_issued($1, $0) == X509_V_OK }
        return isInOrder ? nil : "in \(source), each certificate should be followed by that of its issuer"
    }

    /// A response that cannot be used is none: the certificate itself is still good, and may just have been renewed.
    private func checkOCSPResponse(_ certificate: SSLOptions.Certificate) {
        guard let response = ocspResponse, let path = certificate.ocspResponse else { return }
        if !response.isFor(chain[0]) {
            warnings.append("the OCSP response in \(path) is for another certificate than \(source), and is not sent")
            ocspResponse = nil
        } else if !response.isCurrent() {
            warnings.append("the OCSP response in \(path) has expired, and is not sent")
        }
    }

    /// Says that the certificate is expired, not valid yet, or about to expire; nil: none of these.
    private var problemOfTime: String? {
        let now = Int64(time(nil))
        let (start, end) = PeerCertificate.validity(chain[0])
        if now < start { return "the certificate in \(source) is not valid yet" }
        if now >= end { return "the certificate in \(source) has expired" }
        let days = (end - now) / 86_400
        return days < 7 ? "the certificate in \(source) expires in \(days) day(s)" : nil
    }

    // MARK: Reading

    /// The certificates of a PEM file, at least one; the caller frees them.
    static func certificates(_ source: PEMSource) throws(SSLError) -> [OpaquePointer] {
        let bytes = try source.read()
        ERR_clear_error()
        let found: [OpaquePointer] =
            withBIO(over: bytes) { bio in
                var found: [OpaquePointer] = []
                while let certificate = PEM_read_bio_X509(bio, nil, noPassphrase, nil) { found.append(certificate) }
                return found
            } ?? []
        let code = ERR_peek_last_error()
        // This is how the end of the file looks.
        let isBroken = code != 0 && ERR_GET_REASON(code) != PEM_R_NO_START_LINE
        let reason = SSLError.lastReason
        guard !found.isEmpty, !isBroken else {
            for certificate in found { X509_free(certificate) }
            throw SSLError(
                .configuration,
                isBroken ? "\(source): a certificate is damaged: \(reason)" : "\(source): there is no certificate in it"
            )
        }
        return found
    }

    private static func key(_ certificate: SSLOptions.Certificate) throws(SSLError) -> OpaquePointer {
        let source = certificate.key
        var passphrase = certificate.passphrase.map { Array($0.utf8) } ?? []
        defer { passphrase.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var bytes = try source.read()
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var request = PassphraseRequest(passphrase: passphrase)
        let key = withBIO(over: bytes) { bio in
            withUnsafeMutablePointer(to: &request) { PEM_read_bio_PrivateKey(bio, nil, givePassphrase, $0) }
        }
        if let key { return key }
        let reason = SSLError.lastReason
        if request.wasAsked {
            throw SSLError(
                .configuration,
                certificate.passphrase == nil
                    ? "\(source): the key is encrypted, and there is no passphrase"
                    : "\(source): the key cannot be decrypted: the passphrase is wrong")
        }
        throw SSLError(.configuration, "\(source): there is no private key in it: \(reason)")
    }
}

/// The passphrase that a key is decrypted with, and whether it was needed.
private struct PassphraseRequest {
    let passphrase: [UInt8]
    var wasAsked = false
}

/// Certificates are not encrypted. Without a callback, OpenSSL would ask on the terminal.
private func noPassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ isWriting: CInt, _ context: UnsafeMutableRawPointer?
) -> CInt { -1 }

private func givePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ isWriting: CInt, _ context: UnsafeMutableRawPointer?
) -> CInt {
    guard let buffer, let request = context?.assumingMemoryBound(to: PassphraseRequest.self) else { return -1 }
    request.pointee.wasAsked = true
    let passphrase = request.pointee.passphrase
    guard !passphrase.isEmpty, passphrase.count <= size else { return -1 }
    for (index, byte) in passphrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
    return CInt(passphrase.count)
}
