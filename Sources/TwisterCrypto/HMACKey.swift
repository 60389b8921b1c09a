import CTwisterOpenSSL

/// A key for HMAC (RFC 2104) with one hash function.
package final class HMACKey: Sendable {
    private let digest: Digest
    // Sendable: it was begun with the key, and is only copied since.
    nonisolated(unsafe) private let begun: OpaquePointer

    package init(_ key: [UInt8], _ digest: Digest) {
        self.digest = digest
        let algorithm = existing(EVP_MAC_fetch(nil, "HMAC", nil), "HMAC")
        defer { EVP_MAC_free(algorithm) }
        begun = existing(EVP_MAC_CTX_new(algorithm), "HMAC")
        succeed(openssl_set_hmac(begun, key, key.count, digest.name), "HMAC")
        succeed(EVP_MAC_init(begun, nil, 0, nil), "HMAC")
    }

    deinit { EVP_MAC_CTX_free(begun) }

    /// The authentication code of a message: as many octets as the hash function has.
    package func code(of message: [UInt8]) -> [UInt8] {
        let context = existing(EVP_MAC_CTX_dup(begun), "HMAC")
        defer { EVP_MAC_CTX_free(context) }
        succeed(EVP_MAC_update(context, message, message.count), "HMAC")
        return filled(digest.count, "HMAC") { EVP_MAC_final(context, $0, nil, digest.count) }
    }

    /// Compares in a time that does not depend on where the codes differ.
    package func isCode(_ code: [UInt8], of message: [UInt8]) -> Bool {
        areEqualInConstantTime(code, self.code(of: message))
    }
}

/// Whether the octets are equal, found in a time that depends only on their number.
package func areEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
