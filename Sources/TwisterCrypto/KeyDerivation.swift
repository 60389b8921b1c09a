import CTwisterOpenSSL

/// Functions that make keys of secrets.
package enum KeyDerivation {
    // Sendable: OpenSSL's algorithms do not change, and count their references by themselves.
    nonisolated(unsafe) private static let algorithm = existing(EVP_KDF_fetch(nil, "HKDF", nil), "HKDF")

    /// HKDF with SHA-256 and no salt (RFC 5869): a key from a secret of any length.
    package static func hkdf(_ secret: [UInt8], info: [UInt8], count: Int = 32) -> [UInt8] {
        filled(count, "HKDF") {
            openssl_hkdf(
                algorithm, EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, secret, secret.count, info, info.count, $0, count)
        }
    }

    /// The second step of HKDF alone: a key from a key.
    package static func hkdfExpand(_ key: [UInt8], info: [UInt8], count: Int = 32) -> [UInt8] {
        filled(count, "HKDF") {
            openssl_hkdf(algorithm, EVP_KDF_HKDF_MODE_EXPAND_ONLY, key, key.count, info, info.count, $0, count)
        }
    }

    /// scrypt (RFC 7914): a key from a password, at the price of 128 × `rounds` × `blockSize` octets of memory and of time.
    /// It is nil for parameters that are not allowed, or need more memory than `maxMemory`.
    package static func scrypt(
        _ password: [UInt8], salt: [UInt8], rounds: Int, blockSize: Int, parallelism: Int, maxMemory: Int, count: Int
    ) -> [UInt8]? {
        guard let n = UInt64(exactly: rounds), let r = UInt64(exactly: blockSize), let p = UInt64(exactly: parallelism)
        else { return nil }
        var key = [UInt8](repeating: 0, count: count)
        let result = password.withUnsafeBytes { password in
            EVP_PBE_scrypt(
                password.assumingMemoryBound(to: CChar.self).baseAddress, password.count, salt, salt.count, n, r, p,
                UInt64(maxMemory), &key, count)
        }
        guard result > 0 else {
            // The thread's next handshake would take the error for its own.
            openssl_clear_errors()
            return nil
        }
        return key
    }
}
