import Glibc

/// The lines that tell the developer what is served. They go to the standard error output, between the output of the
/// build and of the program, with colours where that is a terminal (and `NO_COLOR` is not set).
enum Status {
    enum Kind: String {
        case working = "36"
        case good = "32"
        case bad = "31"
    }

    private static let hasColours = isatty(2) == 1 && getenv("NO_COLOR") == nil

    static func say(_ kind: Kind, _ text: String) {
        let line = "twister-dev: \(text)"
        let output = hasColours ? "\u{1B}[1;\(kind.rawValue)m\(line)\u{1B}[0m\n" : "\(line)\n"
        var bytes = Array(output.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The time of day: 12:34:56.
    static func timeOfDay() -> String {
        var now = time(nil)
        var local = tm()
        localtime_r(&now, &local)
        return [local.tm_hour, local.tm_min, local.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }

    /// A duration in seconds, with one digit behind the point.
    static func seconds(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
