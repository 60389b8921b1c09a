import TwisterCrypto
import TwisterIO

/// The keys that session tickets are encrypted with.
///
/// Rotated keys follow from a secret: each hour it is replaced by its own hash, from which the secrets before it cannot be
/// found. The processes of a server get the same secret from their supervisor and so have the same keys without speaking to
/// each other. A ticket is accepted for one to two hours after it was made; tickets say that they are good for one.
final class SessionTicketKeys: Sendable {
    /// A key, and the name by which a ticket says which key it was encrypted with.
    struct Key: Equatable {
        /// 16 bytes.
        let name: [UInt8]
        /// 32 bytes, of AES-256.
        let cipher: [UInt8]
        /// 32 bytes, of HMAC-SHA-256.
        let mac: [UInt8]
    }

    private enum State {
        case rotated(Rotation)
        case fixed([Key])
    }

    private struct Rotation {
        /// The secret of the period under way.
        var secret: [UInt8]
        var period: UInt64
        var current: Key
        var previous: Key?
    }

    private let state: ConditionLock<State>

    /// Keys that change each hour.
    ///
    /// - Parameter now: seconds since the machine was started, which is the same for all of its processes.
    init(_ seed: TicketSeed, now: UInt64 = TicketClock.uptime) {
        let period = seed.period
        let rotation = Rotation(secret: seed.secret, period: period, current: Self.key(seed.secret), previous: nil)
        state = ConditionLock(.rotated(Self.advanced(rotation, to: max(now / TicketClock.period, period))))
    }

    /// The keys of files, each of which has 80 bytes.
    init(files: [String]) throws(SSLError) {
        state = ConditionLock(.fixed(try Self.keys(of: files)))
    }

    /// Reads the files again; the keys stay as they are where that fails.
    func reload(_ files: [String]) throws(SSLError) {
        let keys = try Self.keys(of: files)
        state.withLock { $0 = .fixed(keys) }
    }

    /// The key for new tickets.
    func current(now: UInt64 = TicketClock.uptime) -> Key? { keys(now).first }

    /// The key of that name, and whether it still encrypts new tickets; nil: there is none, or none any more.
    func find(
        _ name: UnsafeRawBufferPointer, now: UInt64 = TicketClock.uptime
    ) -> (key: Key, isCurrent: Bool)? {
        let keys = keys(now)
        guard let index = keys.firstIndex(where: { name.elementsEqual($0.name) }) else { return nil }
        return (keys[index], index == 0)
    }

    /// The accepted keys; the first one is for new tickets.
    private func keys(_ now: UInt64) -> [Key] {
        state.withLock { state in
            switch state {
            case .fixed(let keys): return keys
            case .rotated(var rotation):
                let period = now / TicketClock.period
                if period > rotation.period {
                    rotation = Self.advanced(rotation, to: period)
                    state = .rotated(rotation)
                }
                return [rotation.current] + (rotation.previous.map { [$0] } ?? [])
            }
        }
    }

    // MARK: Rotation

    private static func advanced(_ rotation: Rotation, to period: UInt64) -> Rotation {
        var next = rotation
        while next.period < period {
            next.previous = next.current
            next.secret = derive(next.secret, "next")
            next.current = key(next.secret)
            next.period += 1
        }
        return next
    }

    private static func key(_ secret: [UInt8]) -> Key {
        Key(
            name: Array(derive(secret, "name").prefix(16)), cipher: derive(secret, "cipher"),
            mac: derive(secret, "mac"))
    }

    /// Derives 32 bytes from the secret. The secret cannot be found from them.
    private static func derive(_ secret: [UInt8], _ label: String) -> [UInt8] {
        HMACKey(secret, .sha256).code(of: Array(label.utf8))
    }

    // MARK: Files

    private static func keys(of files: [String]) throws(SSLError) -> [Key] {
        var keys: [Key] = []
        for path in files {
            let bytes = try PEMSource.read(path)
            guard bytes.count == 80 else {
                throw SSLError(
                    .configuration, "\(path): a file of a ticket key has 80 bytes, and this has \(bytes.count)")
            }
            // The order of nginx: name, HMAC key, AES key.
            keys.append(Key(name: Array(bytes[..<16]), cipher: Array(bytes[48...]), mac: Array(bytes[16..<48])))
        }
        guard !keys.isEmpty else { throw SSLError(.configuration, "sessionTickets: no file is named") }
        return keys
    }
}
