import Crypto
import FoundationEssentials

/// One key of a `CookieSecret`, and all that is computed with it. No other file knows the library that does so.
struct CookieKey: Sendable {
    private let signing: SymmetricKey
    /// Derived from the secret, so that no signature says anything about what is encrypted.
    private let encryption: SymmetricKey

    init(_ secret: [UInt8]) {
        signing = SymmetricKey(data: secret)
        encryption = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: signing, info: Array("Twister encrypted values 1".utf8), outputByteCount: 32)
    }

    // MARK: Signatures

    /// HMAC-SHA256 (RFC 2104), 32 octets.
    func signature(of message: some DataProtocol) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: signing))
    }

    /// Compares in a time that does not depend on where the signatures differ.
    func isSignature(_ signature: [UInt8], of message: some DataProtocol) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: signing)
    }

    /// HMAC-SHA1, 20 octets: what version 1 of signed values has.
    func signatureSHA1(of message: some DataProtocol) -> [UInt8] {
        Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: signing))
    }

    /// Compares in a time that does not depend on where the signatures differ.
    func isSignatureSHA1(_ signature: [UInt8], of message: some DataProtocol) -> Bool {
        HMAC<Insecure.SHA1>.isValidAuthenticationCode(signature, authenticating: message, using: signing)
    }

    /// SHA-1, in hexadecimal digits: for tags of content, which have to differ and keep nothing secret.
    static func hashSHA1(_ message: UnsafeRawBufferPointer) -> String {
        var hash = Insecure.SHA1()
        hash.update(bufferPointer: message)
        return String(decoding: Hexadecimal.encode(hash.finalize()), as: UTF8.self)
    }

    /// SHA-256, 32 octets.
    static func hashSHA256(_ message: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: message)) }

    // MARK: Encryption

    /// The octets that `seal` adds: salt, nonce and tag.
    static let overhead = saltSize + 12 + 16
    private static let saltSize = 16

    /// Encrypts with AES-256-GCM: salt, nonce, ciphertext, tag.
    ///
    /// Each message has a key of its own, derived from a random salt. Random nonces of 96 bits alone would allow only
    /// 2^32 messages for one key (NIST SP 800-38D, 8.3), which a busy site reaches within weeks.
    func seal(_ plaintext: [UInt8], authenticating context: [UInt8]) throws -> [UInt8] {
        let salt = RandomOctets.make(Self.saltSize)
        let box = try AES.GCM.seal(plaintext, using: messageKey(salt), authenticating: context)
        return salt + box.nonce + box.ciphertext + box.tag
    }

    /// Undoes `seal`. It is nil where one bit of the message or of the context is another.
    func open(_ message: [UInt8], authenticating context: [UInt8]) -> [UInt8]? {
        guard message.count >= Self.overhead,
            let box = try? AES.GCM.SealedBox(combined: message.dropFirst(Self.saltSize)),
            let plaintext = try? AES.GCM.open(
                box, using: messageKey(message.prefix(Self.saltSize)), authenticating: context)
        else { return nil }
        return Array(plaintext)
    }

    private func messageKey(_ salt: some Sequence<UInt8>) -> SymmetricKey {
        HKDF<SHA256>.expand(pseudoRandomKey: encryption, info: Array("message".utf8) + salt, outputByteCount: 32)
    }

    // MARK: Comparison

    /// Whether the octets are equal, found in a time that depends only on their number.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        SymmetricKey(data: left) == SymmetricKey(data: right)
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
