import FoundationEssentials

/// The translations of an application, by locale.
///
/// A folder has one CSV file for each locale, `de.csv` or `fr_FR.csv`, with the columns message, translation and, for
/// messages that depend on a number, `singular` or `plural`:
///
///     "I love you","Te amo"
///     "%(name)s liked this","A %(name)s les gustó esto","plural"
///     "%(name)s liked this","A %(name)s le gustó esto","singular"
///
/// The files are UTF-8, or UTF-16 with a byte order mark.
///
/// Tornado: the module `tornado.locale`.
public struct Translations: Sendable {
    /// A line or a file that could not be used. The others are.
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// The file's name.
        public let file: String
        /// From 1; nil if the whole file is meant.
        public let line: Int?
        /// The mistake, in words.
        public let reason: String

        public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(reason)" }
    }

    /// The locale in which the messages themselves are written: what a client gets whose locales are not supported.
    /// The default is `en_US`.
    ///
    /// Tornado: `set_default_locale`.
    public let defaultLocale: String
    /// The lines of the files that could not be used. An application logs them at its start.
    public private(set) var problems: [Problem] = []
    private var messages: [String: Messages] = [:]

    /// No translations: each message stands for itself.
    public init(defaultLocale: String = "en_US") { self.defaultLocale = defaultLocale }

    /// Reads the `.csv` files of a folder.
    ///
    /// - Throws: An error of the file system if the folder cannot be read.
    ///
    /// Tornado: `load_translations`.
    public init(folder: String, defaultLocale: String = "en_US") throws {
        self.init(defaultLocale: defaultLocale)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".csv") {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
                problems.append(Problem(file: name, line: nil, reason: "the file cannot be read"))
                continue
            }
            add(csv: Array(data), file: name)
        }
    }

    /// Adds the translations of one CSV file, whose name without `.csv` is the code of the locale.
    mutating func add(csv octets: [UInt8], file: String) {
        let code = String(file.dropLast(".csv".count))
        guard Self.isCode(code) else {
            problems.append(Problem(file: file, line: nil, reason: "the name is no locale such as de or de_CH"))
            return
        }
        guard let text = Self.decode(octets) else {
            problems.append(Problem(file: file, line: nil, reason: "the text is neither UTF-8 nor UTF-16"))
            return
        }
        var found = Messages()
        var reader = CSVReader(text)
        while let row = reader.next() {
            if let reason = found.add(row.fields) {
                problems.append(Problem(file: file, line: row.line, reason: reason))
            }
            if reader.isUnterminated {
                problems.append(Problem(file: file, line: row.line, reason: "a quote is not closed"))
            }
        }
        messages[code] = found
    }

    /// The codes that have translations, and the default.
    ///
    /// Tornado: `get_supported_locales`.
    public var supportedLocales: Set<String> { Set(messages.keys).union([defaultLocale]) }

    /// The locale for the first of the codes that is supported, be it without its country (`de` for `de-CH`); otherwise the
    /// default.
    ///
    /// Tornado: `get`, `Locale.get_closest`.
    public func closest(to codes: [String]) -> WebLocale {
        for code in codes where !code.isEmpty {
            let parts = code.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "_" }
            guard parts.count <= 2 else { continue }
            let language = parts[0].lowercased()
            let exact = parts.count == 2 ? "\(language)_\(parts[1].uppercased())" : code
            if let locale = supported(exact) ?? supported(language) { return locale }
        }
        return WebLocale(code: defaultLocale, messages: messages[defaultLocale] ?? Messages())
    }

    /// The same for codes that are written out.
    ///
    /// Tornado: `get`.
    public func get(_ codes: String...) -> WebLocale { closest(to: codes) }

    private func supported(_ code: String) -> WebLocale? {
        if let messages = messages[code] { return WebLocale(code: code, messages: messages) }
        return code == defaultLocale ? WebLocale(code: code, messages: Messages()) : nil
    }

    /// Whether the text is a language in small letters, perhaps with `_` and a country in capitals.
    private static func isCode(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return false }
        return parts[0].allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }
            && parts.dropFirst().allSatisfy { $0.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 } }
    }

    private static func decode(_ octets: [UInt8]) -> String? {
        let isBig = octets.starts(with: [0xFE, 0xFF])
        if isBig || octets.starts(with: [0xFF, 0xFE]) {
            guard octets.count.isMultiple(of: 2) else { return nil }
            let units = stride(from: 2, to: octets.count, by: 2).map { index in
                let (first, second) = (UInt16(octets[index]), UInt16(octets[index + 1]))
                return isBig ? first << 8 | second : second << 8 | first
            }
            return String(validating: units, as: UTF16.self)
        }
        return String(
            validating: octets.starts(with: [0xEF, 0xBB, 0xBF]) ? octets.dropFirst(3) : octets[...], as: UTF8.self)
    }
}

extension Messages {
    /// Adds the translation of a row; the reason if it cannot be used. An empty row is none.
    fileprivate mutating func add(_ fields: [String]) -> String? {
        let fields = fields.map(\.trimmed)
        guard !fields.isEmpty, fields != [""] else { return nil }
        guard fields.count >= 2 else { return "a translation is missing" }
        switch fields.count > 2 ? fields[2] : "" {
        case "singular": singular[fields[0]] = fields[1]
        case "plural": plural[fields[0]] = fields[1]
        case "unknown", "": unknown[fields[0]] = fields[1]
        default: return "the third column is neither singular, plural nor unknown: \(fields[2])"
        }
        return nil
    }
}

extension StringProtocol {
    /// The text without white space at both ends.
    var trimmed: String {
        let start = unicodeScalars.firstIndex { !$0.properties.isWhitespace } ?? endIndex
        let end = unicodeScalars.lastIndex { !$0.properties.isWhitespace }.map(unicodeScalars.index(after:)) ?? start
        return String(self[start..<end])
    }
}
