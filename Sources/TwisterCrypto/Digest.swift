import CTwisterOpenSSL

/// A hash function of OpenSSL.
package struct Digest: Sendable {
    /// SHA-1 (FIPS 180-4), 20 octets: for what a standard asks it of, and for tags that keep nothing secret.
    package static let sha1 = Digest("SHA1", count: 20)
    /// SHA-256 (FIPS 180-4), 32 octets.
    package static let sha256 = Digest("SHA256", count: 32)

    /// The octets of a hash.
    package let count: Int
    let name: String
    // Sendable: OpenSSL's algorithms do not change, and count their references by themselves.
    nonisolated(unsafe) private let algorithm: OpaquePointer

    /// Looks the algorithm up once: that takes longer than to hash a short message.
    private init(_ name: String, count: Int) {
        self.name = name
        self.count = count
        algorithm = existing(EVP_MD_fetch(nil, name, nil), name)
    }

    package func hash(_ message: UnsafeRawBufferPointer) -> [UInt8] {
        filled(count, name) { hash in
            EVP_Digest(message.baseAddress, message.count, hash, nil, algorithm, nil)
        }
    }

    package func hash(_ message: [UInt8]) -> [UInt8] { message.withUnsafeBytes { hash($0) } }
}
