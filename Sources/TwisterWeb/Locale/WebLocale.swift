/// A language, and perhaps a country, with the translations for it.
///
/// Tornado: `Locale`.
public struct WebLocale: Sendable {
    /// The code: `de` or `de_CH`.
    public let code: String
    private let messages: Messages

    init(code: String, messages: Messages) {
        self.code = code
        self.messages = messages
    }

    /// Whether the language is written from right to left: Persian, Arabic and Hebrew.
    ///
    /// Tornado: `rtl`.
    public var isRightToLeft: Bool { ["fa", "ar", "he"].contains { code.hasPrefix($0) } }

    /// The translation of a message; the message itself if there is none.
    ///
    /// Tornado: `translate(message)`.
    public func translate(_ message: String) -> String { messages.unknown[message] ?? message }

    /// The translation of `message` if `count` is 1, otherwise of `plural`; the message itself if there is none.
    ///
    /// Placeholders such as `%(n)d` stay: `formatted(_:)` fills them.
    ///
    /// Tornado: `translate(message, plural_message, count)`.
    public func translate(_ message: String, plural: String, count: Int) -> String {
        count == 1 ? messages.singular[message] ?? message : messages.plural[plural] ?? plural
    }

    /// The translation of a message. A CSV file has no contexts, so that the context does not matter.
    ///
    /// Tornado: `pgettext`.
    public func pgettext(_ context: String, _ message: String) -> String { translate(message) }
}

/// The translations of one language, by the number that they are for.
struct Messages: Sendable {
    var singular: [String: String] = [:]
    var plural: [String: String] = [:]
    var unknown: [String: String] = [:]
}

extension String {
    /// The message with its placeholders `%(name)s` and `%(name)d` replaced by the values, and `%%` by a percent sign. A
    /// placeholder without a value stays as it is.
    ///
    /// Tornado: the operator `%` of Python.
    public func formatted(_ values: [String: any CustomStringConvertible]) -> String {
        var text = ""
        var rest = self[...]
        while let percent = rest.firstIndex(of: "%") {
            text += rest[..<percent]
            rest = rest[percent...]
            if rest.hasPrefix("%%") {
                text += "%"
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("%("),
                let name = rest.dropFirst(2).prefix(while: { $0 != ")" && $0 != "%" }) as Substring?,
                let conversion = rest[name.endIndex...].dropFirst().first, "sd".contains(conversion),
                let value = values[String(name)]
            {
                text += value.description
                rest = rest[name.endIndex...].dropFirst(2)
            } else {
                text += "%"
                rest = rest.dropFirst()
            }
        }
        return text + rest
    }
}
