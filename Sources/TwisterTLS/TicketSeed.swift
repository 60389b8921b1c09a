import CTwisterOpenSSL
import Glibc

/// The secret that rotated session ticket keys follow from. Processes that serve together have the same.
package struct TicketSeed: Sendable {
    /// 32 bytes.
    let secret: [UInt8]
    /// The hour of the machine's uptime in which the secret was made.
    let period: UInt64

    /// A new secret.
    package init() {
        var secret = [UInt8](repeating: 0, count: 32)
        precondition(RAND_bytes(&secret, 32) == 1, "OpenSSL has no random numbers")
        self.secret = secret
        period = TicketClock.uptime / TicketClock.period
    }

    init(secret: [UInt8], period: UInt64) {
        self.secret = secret
        self.period = period
    }

    // MARK: From a supervisor to its workers

    private static let variable = "TWISTER_TICKET_SEED"

    /// Makes a secret for the processes that this one will start. Call it before other threads start, because it changes the
    /// environment.
    package static func share() {
        if getenv(variable) == nil { setenv(variable, TicketSeed().text, 1) }
    }

    /// The secret of the supervisor that has started this process, else a new one: one secret for all of the process.
    static let ofProcess: TicketSeed = {
        guard let text = getenv(variable), let seed = TicketSeed(String(cString: text)) else { return TicketSeed() }
        // Programs that handlers start need not know it.
        unsetenv(variable)
        return seed
    }()

    /// The form in which it is in the environment: the period, a colon and 64 hexadecimal digits.
    var text: String {
        let digits = secret.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }
        return "\(period):\(digits.joined())"
    }

    init?(_ text: String) {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let period = UInt64(parts[0]), parts[1].utf8.count == 64,
            period <= TicketClock.uptime / TicketClock.period
        else { return nil }
        var secret: [UInt8] = []
        var rest = parts[1]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            secret.append(byte)
            rest = rest.dropFirst(2)
        }
        self.init(secret: secret, period: period)
    }
}

/// The time by which the keys of session tickets change.
enum TicketClock {
    /// For how many seconds a key encrypts, and for how many a ticket says that it is good.
    static let period: UInt64 = 3600

    /// Seconds since the machine was started, which are the same for all of its processes.
    static var uptime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(max(time.tv_sec, 0))
    }
}
