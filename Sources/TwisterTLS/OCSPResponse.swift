import CTwisterOpenSSL
import Glibc
import TwisterIO

/// The statement of a certificate's authority that the certificate is not revoked (RFC 6960), as a file has it in DER.
struct OCSPResponse {
    let bytes: [UInt8]
    /// In seconds since 1970; nil: the authority sets no end.
    private let end: Int64?
    /// The number of the certificate that the statement is about, in DER.
    private let serialNumber: [UInt8]

    /// - Throws: `SSLError` with the file's name.
    init(file path: String) throws(SSLError) {
        bytes = try PEMSource.read(path)
        let read: (problem: String?, end: Int64?, serialNumber: [UInt8]) = bytes.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            guard let response = d2i_OCSP_RESPONSE(nil, &start, buffer.count) else {
                return ("this is no OCSP response in DER", nil, [])
            }
            defer { OCSP_RESPONSE_free(response) }
            guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
                return ("the OCSP response says that the request for it has failed", nil, [])
            }
            guard let basic = OCSP_response_get1_basic(response) else {
                return ("the OCSP response says nothing of a certificate", nil, [])
            }
            defer { OCSP_BASICRESP_free(basic) }
            guard let single = OCSP_resp_get0(basic, 0) else {
                return ("the OCSP response says nothing of a certificate", nil, [])
            }
            var nextUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            OCSP_single_get0_status(single, nil, nil, nil, &nextUpdate)
            var number: UnsafeMutablePointer<ASN1_INTEGER>?
            OCSP_id_get0_info(nil, nil, nil, &number, OCSP_SINGLERESP_get0_id(single))
            return (nil, nextUpdate.map { PeerCertificate.seconds($0) }, Self.der(number))
        }
        _ = SSLError.lastReason
        if let problem = read.problem { throw SSLError(.configuration, "\(path): \(problem)") }
        end = read.end
        serialNumber = read.serialNumber
    }

    /// Whether clients still accept it. One that is too old fails their handshakes, and none is better.
    ///
    /// - Parameter now: seconds since 1970.
    func isCurrent(at now: Int = time(nil)) -> Bool { end.map { now < $0 } ?? true }

    func isFor(_ certificate: OpaquePointer) -> Bool { serialNumber == Self.der(X509_get_serialNumber(certificate)) }

    private static func der(_ number: UnsafeMutablePointer<ASN1_INTEGER>?) -> [UInt8] {
        guard let number else { return [] }
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_ASN1_INTEGER(number, &start)
        guard count > 0, let start else { return [] }
        defer { openssl_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }
}
