/// The value of `Sec-WebSocket-Extensions` (RFC 6455, 9.1).
struct ExtensionList: Equatable {
    struct Parameter: Equatable {
        var name: String
        /// Nil where there is none.
        var value: String?
    }

    struct Extension: Equatable {
        var name: String
        var parameters: [Parameter]
    }

    var extensions: [Extension]

    /// Nil where the text is malformed: the handshake fails then.
    init?(_ text: String) {
        extensions = []
        var scanner = Scanner(text)
        repeat {
            scanner.skipBlanks()
            // Empty elements of a list are allowed (RFC 9110, 5.6.1).
            if scanner.isAtEnd || scanner.next == UInt8(ascii: ",") { continue }
            guard let name = scanner.token() else { return nil }
            var parameters: [Parameter] = []
            scanner.skipBlanks()
            while scanner.take(UInt8(ascii: ";")) {
                scanner.skipBlanks()
                guard let name = scanner.token() else { return nil }
                scanner.skipBlanks()
                var value: String?
                if scanner.take(UInt8(ascii: "=")) {
                    scanner.skipBlanks()
                    value = scanner.next == UInt8(ascii: "\"") ? scanner.quoted() : scanner.token()
                    if value == nil { return nil }
                    scanner.skipBlanks()
                }
                parameters.append(Parameter(name: name.lowercased(), value: value))
            }
            extensions.append(Extension(name: name.lowercased(), parameters: parameters))
        } while scanner.take(UInt8(ascii: ","))
        guard scanner.isAtEnd else { return nil }
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private var position = 0

        init(_ text: String) { bytes = Array(text.utf8) }

        var isAtEnd: Bool { position == bytes.count }
        var next: UInt8? { isAtEnd ? nil : bytes[position] }

        mutating func skipBlanks() {
            while let octet = next, octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") { position += 1 }
        }

        mutating func take(_ octet: UInt8) -> Bool {
            guard next == octet else { return false }
            position += 1
            return true
        }

        mutating func token() -> String? {
            let start = position
            while let octet = next, Self.isTokenCharacter(octet) { position += 1 }
            return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
        }

        /// A quoted string, whose content has to be a token (RFC 6455, 9.1).
        mutating func quoted() -> String? {
            position += 1
            var content: [UInt8] = []
            while let octet = next, octet != UInt8(ascii: "\"") {
                position += 1
                guard octet == UInt8(ascii: "\\") else {
                    content.append(octet)
                    continue
                }
                guard let escaped = next else { return nil }
                content.append(escaped)
                position += 1
            }
            guard take(UInt8(ascii: "\"")), !content.isEmpty, content.allSatisfy(Self.isTokenCharacter) else {
                return nil
            }
            return String(decoding: content, as: UTF8.self)
        }

        private static func isTokenCharacter(_ octet: UInt8) -> Bool {
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(octet)
            }
        }
    }
}
