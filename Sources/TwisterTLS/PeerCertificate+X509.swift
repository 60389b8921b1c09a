import CTwisterOpenSSL
import Glibc
import TwisterIO

extension PeerCertificate {
    /// Takes what is of use out of OpenSSL's certificate, which stays the caller's; nil where there is no memory for it.
    init?(_ certificate: OpaquePointer) {
        guard let der = Self.der(certificate) else { return nil }
        let names = Self.alternativeNames(certificate)
        let (notBefore, notAfter) = Self.validity(certificate)
        self.init(
            subject: Self.name(X509_get_subject_name(certificate)),
            issuer: Self.name(X509_get_issuer_name(certificate)),
            commonName: Self.commonName(certificate), dnsNames: names.dnsNames, emailAddresses: names.emailAddresses,
            uris: names.uris, serialNumber: Self.serialNumber(certificate), notBefore: notBefore, notAfter: notAfter,
            fingerprint: Self.fingerprint(certificate), derBytes: der)
    }

    private static func der(_ certificate: OpaquePointer) -> [UInt8]? {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &start)
        guard count > 0, let start else { return nil }
        defer { openssl_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    private static func name(_ name: OpaquePointer?) -> String {
        guard let name, let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        guard openssl_print_name(bio, name) >= 0 else { return "" }
        var start: UnsafeMutablePointer<CChar>?
        let count = openssl_memory(bio, &start)
        guard let start else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    static func commonName(_ certificate: OpaquePointer) -> String? {
        guard let name = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(name, index), let value = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var start: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&start, value)
        guard count >= 0, let start else { return nil }
        defer { openssl_free(start) }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    static func alternativeNames(
        _ certificate: OpaquePointer
    ) -> (dnsNames: [String], emailAddresses: [String], uris: [String]) {
        guard let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return ([], [], []) }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }
        var dnsNames: [String] = []
        var emailAddresses: [String] = []
        var uris: [String] = []
        for index in 0..<max(openssl_general_name_count(names), 0) {
            var type: CInt = 0
            guard let value = openssl_general_name(names, index, &type), let start = ASN1_STRING_get0_data(value)
            else { continue }
            let bytes = UnsafeBufferPointer(start: start, count: Int(max(ASN1_STRING_length(value), 0)))
            // A name with a NUL would be another one for code that reads it as C does.
            guard !bytes.contains(0) else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            switch type {
            case GEN_DNS: dnsNames.append(text)
            case GEN_EMAIL: emailAddresses.append(text)
            default: uris.append(text)
            }
        }
        return (dnsNames, emailAddresses, uris)
    }

    private static func serialNumber(_ certificate: OpaquePointer) -> String {
        guard let serial = X509_get0_serialNumber(certificate), let number = ASN1_INTEGER_to_BN(serial, nil)
        else { return "" }
        defer { BN_free(number) }
        guard let text = BN_bn2hex(number) else { return "" }
        defer { openssl_free(text) }
        return String(cString: text)
    }

    static func validity(_ certificate: OpaquePointer) -> (start: Int64, end: Int64) {
        (seconds(X509_get0_notBefore(certificate)), seconds(X509_get0_notAfter(certificate)))
    }

    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
        return Int64(timegm(&parts))
    }

    private static func fingerprint(_ certificate: OpaquePointer) -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: CUnsignedInt = 0
        guard X509_digest(certificate, EVP_sha256(), &digest, &count) == 1 else { return "" }
        return digest.prefix(Int(count)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }
}
