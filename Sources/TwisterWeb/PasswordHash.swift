import TwisterCrypto

/// Makes slow hashes of passwords, so that who steals the database cannot try passwords quickly. A hash is one text with the function,
/// its parameters and its salt: `scrypt$32768$8$3$SALT$KEY` (scrypt, RFC 7914).
///
///     let hash = try await handler.loop.runInExecutor { PasswordHash().hash(password) }
///     let isRight = try await handler.loop.runInExecutor { PasswordHash.verify(password, hash) }
///
/// Both functions block their thread for some tenths of a second, which is the purpose, and take 32 MiB of memory meanwhile: hence
/// `runInExecutor`. `Policy(concurrency:)` on the login's route bounds how many run at once.
///
/// Tornado has none; its demo `blog` uses bcrypt.
public struct PasswordHash: Sendable {
    private let rounds: Int
    private let blockSize: Int
    private let parallelism: Int

    /// A hash takes 128 × `rounds` × `blockSize` bytes of memory, at most 256 MiB, and time in proportion to that and to `parallelism`.
    ///
    /// - Parameters:
    ///   - rounds: a power of two greater than 1. Default 32,768.
    ///   - blockSize: default 8.
    ///   - parallelism: how often the work is done, one after the other. Default 3.
    public init(rounds: Int = 1 << 15, blockSize: Int = 8, parallelism: Int = 3) {
        precondition(
            (2...1 << 30).contains(rounds) && rounds.nonzeroBitCount == 1,
            "PasswordHash: rounds is a power of two, 2 or more")
        precondition(
            (1...4096).contains(blockSize) && (1...1024).contains(parallelism),
            "PasswordHash: blockSize is 1 to 4,096, parallelism 1 to 1,024")
        precondition(
            128 * blockSize * (rounds + parallelism + 2) <= Self.maxMemory,
            "PasswordHash: a hash would take over 256 MiB")
        self.rounds = rounds
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// The hash of a password, with a new salt. Two hashes of one password differ.
    public func hash(_ password: String) -> String {
        let salt = Self.text(RandomOctets.make(16))
        guard let key = Self.key(password, salt, rounds, blockSize, parallelism) else {
            fatalError("PasswordHash: no memory for a hash, which takes \(128 * rounds * blockSize) bytes")
        }
        return "scrypt$\(rounds)$\(blockSize)$\(parallelism)$\(salt)$\(Self.text(key))"
    }

    /// Whether `hash` was made of this password, with any parameters. False also for a text that is no hash.
    public static func verify(_ password: String, _ hash: String) -> Bool {
        let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
            let parallelism = Int(parts[3]),
            let known = Base64.standard.decode(Array(parts[5].utf8)[...]), known.count == keySize,
            let key = key(password, String(parts[4]), rounds, blockSize, parallelism)
        else { return false }
        return areEqualInConstantTime(key, known)
    }

    private static let keySize = 32
    /// Somebody's hash cannot take more either.
    private static let maxMemory = 256 << 20

    private static func key(
        _ password: String, _ salt: String, _ rounds: Int, _ blockSize: Int, _ parallelism: Int
    ) -> [UInt8]? {
        KeyDerivation.scrypt(
            Array(password.utf8), salt: Array(salt.utf8), rounds: rounds, blockSize: blockSize,
            parallelism: parallelism,
            maxMemory: maxMemory, count: keySize)
    }

    private static func text(_ octets: [UInt8]) -> String {
        String(decoding: Base64.standard.encode(octets), as: UTF8.self)
    }
}
