import CTwisterOpenSSL

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D), with nonces of 12 octets and tags of 16.
package enum AESGCM {
    package static let nonceSize = 12
    package static let tagSize = 16

    private static let name = "AES-256-GCM"
    // Sendable: OpenSSL's algorithms do not change, and count their references by themselves.
    nonisolated(unsafe) private static let algorithm = existing(EVP_CIPHER_fetch(nil, name, nil), name)

    /// The ciphertext, which has the plaintext's size, and its tag.
    ///
    /// - Parameters:
    ///   - key: 32 octets.
    ///   - nonce: 12 octets, never the same twice for one key.
    ///   - context: what is authenticated beside the plaintext.
    package static func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], authenticating context: [UInt8]
    ) -> [UInt8] {
        let cipher = Cipher(key, nonce, encrypts: true)
        cipher.authenticate(context)
        let ciphertext = cipher.transform(plaintext)
        let isComplete = cipher.finish()
        precondition(isComplete, "to encrypt does not fail")
        return ciphertext + filled(tagSize, name) { openssl_get_tag(cipher.context, $0, Int32(tagSize)) }
    }

    /// Undoes `seal`. It is nil where one bit of the message, the nonce or the context is another.
    package static func open(
        _ message: [UInt8], key: [UInt8], nonce: [UInt8], authenticating context: [UInt8]
    ) -> [UInt8]? {
        guard message.count >= tagSize else { return nil }
        let cipher = Cipher(key, nonce, encrypts: false)
        cipher.authenticate(context)
        // The plaintext is returned only once its tag was found right.
        let plaintext = cipher.transform(Array(message.dropLast(tagSize)))
        var tag = Array(message.suffix(tagSize))
        succeed(openssl_set_tag(cipher.context, &tag, Int32(tagSize)), name)
        guard cipher.finish() else {
            // The thread's next handshake would take the error for its own.
            openssl_clear_errors()
            return nil
        }
        return plaintext
    }

    private final class Cipher {
        let context: OpaquePointer

        init(_ key: [UInt8], _ nonce: [UInt8], encrypts: Bool) {
            precondition(key.count == 32 && nonce.count == nonceSize, "a key has 32 octets, a nonce 12")
            context = existing(EVP_CIPHER_CTX_new(), name)
            succeed(EVP_CipherInit_ex2(context, algorithm, key, nonce, encrypts ? 1 : 0, nil), name)
        }

        deinit { EVP_CIPHER_CTX_free(context) }

        func authenticate(_ octets: [UInt8]) {
            guard !octets.isEmpty else { return }
            var written: Int32 = 0
            succeed(EVP_CipherUpdate(context, nil, &written, octets, Int32(octets.count)), name)
        }

        func transform(_ octets: [UInt8]) -> [UInt8] {
            guard !octets.isEmpty else { return [] }
            var written: Int32 = 0
            return filled(octets.count, name) { EVP_CipherUpdate(context, $0, &written, octets, Int32(octets.count)) }
        }

        /// Whether the tag, where it is checked, is right.
        func finish() -> Bool {
            var rest: UInt8 = 0
            var written: Int32 = 0
            return EVP_CipherFinal_ex(context, &rest, &written) > 0
        }
    }
}
