import TwisterCrypto

/// One key of a `CookieSecret`, and all that is computed with it.
struct CookieKey: Sendable {
    private let signing: HMACKey
    /// For version 1 of signed values.
    private let signingSHA1: HMACKey
    /// Derived from the secret, so that no signature says anything about what is encrypted.
    private let encryption: [UInt8]
    /// Derived from the secret, so that no signature of a value is one of a URL.
    private let signingURLs: HMACKey

    init(_ secret: [UInt8]) {
        signing = HMACKey(secret, .sha256)
        signingSHA1 = HMACKey(secret, .sha1)
        encryption = KeyDerivation.hkdf(secret, info: Array("Twister encrypted values 1".utf8))
        signingURLs = HMACKey(KeyDerivation.hkdf(secret, info: Array("Twister signed URLs 1".utf8)), .sha256)
    }

    // MARK: Signatures

    /// HMAC-SHA256 (RFC 2104), 32 octets.
    func signature(of message: [UInt8]) -> [UInt8] { signing.code(of: message) }

    /// Compares in a time that does not depend on where the signatures differ.
    func isSignature(_ signature: [UInt8], of message: [UInt8]) -> Bool { signing.isCode(signature, of: message) }

    /// HMAC-SHA1, 20 octets: what version 1 of signed values has.
    func signatureSHA1(of message: [UInt8]) -> [UInt8] { signingSHA1.code(of: message) }

    /// Compares in a time that does not depend on where the signatures differ.
    func isSignatureSHA1(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        signingSHA1.isCode(signature, of: message)
    }

    /// The signature of a URL, 32 octets.
    func urlSignature(of url: [UInt8]) -> [UInt8] { signingURLs.code(of: url) }

    /// Compares in a time that does not depend on where the signatures differ.
    func isURLSignature(_ signature: [UInt8], of url: [UInt8]) -> Bool { signingURLs.isCode(signature, of: url) }

    // MARK: Encryption

    /// The octets that `seal` adds: salt, nonce and tag.
    static let overhead = saltSize + AESGCM.nonceSize + AESGCM.tagSize
    private static let saltSize = 16

    /// Encrypts with AES-256-GCM: salt, nonce, ciphertext, tag.
    ///
    /// Each message has a key of its own, derived from a random salt. Random nonces of 96 bits alone would allow only
    /// 2^32 messages for one key (NIST SP 800-38D, 8.3), which a busy site reaches within weeks.
    func seal(_ plaintext: [UInt8], authenticating context: [UInt8]) -> [UInt8] {
        let salt = RandomOctets.make(Self.saltSize)
        let nonce = RandomOctets.make(AESGCM.nonceSize)
        return salt + nonce + AESGCM.seal(plaintext, key: messageKey(salt), nonce: nonce, authenticating: context)
    }

    /// Undoes `seal`. It is nil where one bit of the message or of the context is another.
    func open(_ message: [UInt8], authenticating context: [UInt8]) -> [UInt8]? {
        guard message.count >= Self.overhead else { return nil }
        let nonce = message.dropFirst(Self.saltSize).prefix(AESGCM.nonceSize)
        return AESGCM.open(
            Array(message[nonce.endIndex...]), key: messageKey(message.prefix(Self.saltSize)), nonce: Array(nonce),
            authenticating: context)
    }

    private func messageKey(_ salt: some Sequence<UInt8>) -> [UInt8] {
        KeyDerivation.hkdfExpand(encryption, info: Array("message".utf8) + salt)
    }
}

/// Octets that nobody can guess, from the kernel's generator.
enum RandomOctets {
    static func make(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        // Each number is a system call, so one is taken for eight octets.
        while octets.count < count {
            let number: UInt64 = generator.next()
            withUnsafeBytes(of: number) { octets += $0.prefix(count - octets.count) }
        }
        return octets
    }
}
