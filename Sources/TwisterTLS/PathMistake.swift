/// Text that stands where the path of a file was expected. It may be a private key, so that no message shows it.
enum PathMistake: Equatable {
    /// PEM text, with its first line or with line breaks.
    case pem
    /// Probably the bytes of a key or a certificate, in base64 or in hexadecimal digits.
    case secret

    /// Nil where it looks like a path.
    init?(_ path: String) {
        if path.utf8.contains(UInt8(ascii: "\n")) || path.contains("-----BEGIN") {
            self = .pem
        } else if Self.hasSecret(path) {
            self = .secret
        } else {
            return nil
        }
    }

    /// Whether a part of the text looks like base64 or hexadecimal digits. In base64, the kind of character changes far more
    /// often than in names, dots and hyphens are missing, and slashes are rare, so that the runs between them are long.
    private static func hasSecret(_ path: String) -> Bool {
        // The run of base64 characters up to here: `whole` with the slashes in it, `part` since the last slash.
        var whole = Run()
        var part = Run()
        for byte in path.utf8 {
            guard byte != UInt8(ascii: "/") else {
                part = Run()
                continue
            }
            if let kind = Run.Kind(byte) {
                whole.add(kind)
                part.add(kind)
                // Spaces do not end a run: they may stand where lines were joined.
            } else if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\r"), byte != UInt8(ascii: "\t") {
                whole = Run()
                part = Run()
            }
            // 64 hexadecimal digits may be the name of a file that is named by its hash.
            if part.count > 64 || part.isMixed(24, percent: 40) || whole.isMixed(40, percent: 50) { return true }
        }
        return false
    }

    /// Characters of base64 one after the other.
    private struct Run {
        enum Kind {
            case lower, upper, digit, sign

            /// Nil for what is not of base64, and for the slash.
            init?(_ byte: UInt8) {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): self = .lower
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): self = .upper
                case UInt8(ascii: "0")...UInt8(ascii: "9"): self = .digit
                case UInt8(ascii: "+"), UInt8(ascii: "="): self = .sign
                default: return nil
                }
            }
        }

        private(set) var count = 0
        private var changes = 0
        private var last: Kind?
        private var hasLower = false
        private var hasUpper = false

        mutating func add(_ kind: Kind) {
            count += 1
            if kind != last { changes += 1 }
            last = kind
            if kind == .lower { hasLower = true }
            if kind == .upper { hasUpper = true }
        }

        /// Whether the run has at least `least` characters, of which `percent` differ in kind from the one before.
        func isMixed(_ least: Int, percent: Int) -> Bool {
            count >= least && hasLower && hasUpper && changes * 100 >= count * percent
        }
    }
}
