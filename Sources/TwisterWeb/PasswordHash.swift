import TwisterCrypto

/// Makes slow hashes of passwords, so that somebody who steals the database cannot try passwords quickly. A hash is one text
/// with the function, its parameters and its salt: `scrypt$32768$8$3$SALT$KEY` (scrypt, RFC 7914).
///
///     let hash = try await handler.loop.runInExecutor { try PasswordHash().hash(password) }
///     let isRight = try await handler.loop.runInExecutor { try PasswordHash.verify(password, hash) }
///
/// Both functions block their thread for some tenths of a second, which is their purpose, and take 32 MiB of memory while they
/// run. Therefore call them by `runInExecutor`. `Policy(concurrency:)` on the login's route limits how many run at once.
///
/// Tornado has none; its demo `blog` uses bcrypt.
public struct PasswordHash: Sendable {
    private let rounds: Int
    private let blockSize: Int
    private let parallelism: Int

    /// A hash takes 128 × `rounds` × `blockSize` bytes of memory, at most 256 MiB. Its time is proportional to that and to
    /// `parallelism`.
    ///
    /// - Parameters:
    ///   - rounds: a power of two greater than 1. Default 32,768.
    ///   - blockSize: default 8.
    ///   - parallelism: how often the work is done, one after the other. Default 3.
    public init(rounds: Int = 1 << 15, blockSize: Int = 8, parallelism: Int = 3) {
        guard let checked = Self(checked: rounds, blockSize, parallelism) else {
            preconditionFailure(
                "PasswordHash: rounds is a power of two from 2 on, blockSize is 1 to 4,096, parallelism 1 to 1,024, and a hash takes at most 256 MiB"
            )
        }
        self = checked
    }

    private init?(checked rounds: Int, _ blockSize: Int, _ parallelism: Int) {
        guard (2...1 << 30).contains(rounds), rounds.nonzeroBitCount == 1, (1...4096).contains(blockSize),
            (1...1024).contains(parallelism), 128 * blockSize * (rounds + parallelism + 2) <= Self.maxMemory
        else { return nil }
        self.rounds = rounds
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// The hash of a password, with a new salt. Two hashes of one password differ.
    ///
    /// - Throws: `PasswordHashError.noMemory`, as where too many logins come at once.
    public func hash(_ password: String) throws(PasswordHashError) -> String {
        let salt = Self.text(RandomOctets.make(16))
        return "scrypt$\(rounds)$\(blockSize)$\(parallelism)$\(salt)$\(Self.text(try key(password, salt)))"
    }

    /// Whether `hash` was made of this password, with any parameters. False also for a text that is no hash.
    ///
    /// - Throws: `PasswordHashError.noMemory`, as where too many logins come at once.
    public static func verify(_ password: String, _ hash: String) throws(PasswordHashError) -> Bool {
        let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
            let parallelism = Int(parts[3]), let maker = Self(checked: rounds, blockSize, parallelism),
            let known = Base64.standard.decode(Array(parts[5].utf8)[...]), known.count == keySize
        else { return false }
        return areEqualInConstantTime(try maker.key(password, String(parts[4])), known)
    }

    private static let keySize = 32
    /// The most memory of a hash, in bytes. A text that claims to be a hash cannot make `verify` take more.
    private static let maxMemory = 256 << 20

    /// - Parameter memory: the most that OpenSSL may take.
    func key(
        _ password: String, _ salt: String, memory: Int = Self.maxMemory
    ) throws(PasswordHashError) -> [UInt8] {
        let key = KeyDerivation.scrypt(
            Array(password.utf8), salt: Array(salt.utf8), rounds: rounds, blockSize: blockSize,
            parallelism: parallelism, maxMemory: memory, count: Self.keySize)
        guard let key else { throw .noMemory(bytes: 128 * rounds * blockSize) }
        return key
    }

    private static func text(_ octets: [UInt8]) -> String {
        String(decoding: Base64.standard.encode(octets), as: UTF8.self)
    }
}

/// A password could not be hashed.
public enum PasswordHashError: Error, Equatable, CustomStringConvertible {
    /// The system has no memory for the hash, which takes so many bytes.
    case noMemory(bytes: Int)

    public var description: String {
        switch self {
        case .noMemory(let bytes): "no memory for the hash of a password, which takes \(bytes) bytes"
        }
    }
}
