import CryptoExtras
import Foundation

/// Hashes of passwords by scrypt (RFC 7914), in one text with their parameters and salt: `scrypt$32768$8$3$SALT$KEY`.
///
/// A hash takes 128 × rounds × block size bytes of memory, 32 MiB by default, and some tenths of a second (in debug builds
/// seconds). It blocks its thread: call it by `loop.runInExecutor`.
struct PasswordHash: Sendable {
    var rounds = 1 << 15
    var blockSize = 8
    var parallelism = 3

    /// The hash of a password, with a new salt.
    func hash(_ password: String) throws -> String {
        let salt = SymmetricKey(size: .bits128).text
        return "scrypt$\(rounds)$\(blockSize)$\(parallelism)$\(salt)$\(try key(password, salt).text)"
    }

    /// Whether `hash` was made of this password, with any parameters.
    static func verify(_ password: String, _ hash: String) throws -> Bool {
        let parts = hash.split(separator: "$").map(String.init)
        guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
            let parallelism = Int(parts[3]), let known = Data(base64Encoded: parts[5])
        else { return false }
        let parameters = PasswordHash(rounds: rounds, blockSize: blockSize, parallelism: parallelism)
        // Keys are compared in constant time.
        return try parameters.key(password, parts[4]) == SymmetricKey(data: known)
    }

    private func key(_ password: String, _ salt: String) throws -> SymmetricKey {
        try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: Array(salt.utf8), outputByteCount: 32, rounds: rounds,
            blockSize: blockSize, parallelism: parallelism)
    }
}

extension SymmetricKey {
    fileprivate var text: String { withUnsafeBytes { Data($0).base64EncodedString() } }
}
