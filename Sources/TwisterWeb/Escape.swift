import TwisterCodec

/// The text with `&`, `<`, `>`, `"` and `'` written as character references: safe in HTML and XML, in text and in
/// quoted attributes.
///
/// Tornado: `xhtml_escape`.
public func xhtmlEscape(_ text: String) -> String { text.escapedForHTML }

/// The text percent-encoded as UTF-8, all but letters, digits and `-._~` (RFC 3986, section 2.3).
///
/// - Parameter plus: For a query or a form: a space becomes `+`, and a slash is encoded. Otherwise for a path: a space
///   becomes `%20`, and a slash stays.
///
/// Tornado: `url_escape`.
public func urlEscape(_ text: String, plus: Bool = true) -> String {
    let (space, slash) = (UInt8(ascii: " "), UInt8(ascii: "/"))
    var escaped = PercentCoding.escape(text.utf8) { byte in
        PercentEscapes.unreserved.contains(byte) || (plus ? byte == space : byte == slash)
    }
    if plus {
        for index in escaped.indices where escaped[index] == space { escaped[index] = UInt8(ascii: "+") }
    }
    return String(decoding: escaped, as: UTF8.self)
}

/// The text with its percent escapes decoded; nil if an escape is malformed or the result is not UTF-8.
///
/// - Parameter plus: Whether `+` stands for a space, as in a query or a form.
///
/// Tornado: `url_unescape`, which lets malformed escapes stand.
public func urlUnescape(_ text: String, plus: Bool = true) -> String? {
    var bytes = Array(text.utf8)
    if plus {
        for index in bytes.indices where bytes[index] == UInt8(ascii: "+") { bytes[index] = UInt8(ascii: " ") }
    }
    return bytes.withUnsafeBytes(PercentCoding.decode).flatMap { ClientText.validated($0) }
}

/// The URL with the arguments added to its query; a fragment stays at the end. The query is written anew: each name and
/// value percent-encoded, and `=` after a name without a value.
///
///     urlConcat("/search?lang=en", ["q": "tea & milk", "page": "2"])       // /search?lang=en&q=tea+%26+milk&page=2
///
/// Tornado: `url_concat`.
public func urlConcat(_ url: String, _ arguments: KeyValuePairs<String, String>) -> String {
    urlConcat(url, arguments.map { ($0.key, $0.value) })
}

/// The same with the arguments in a list, in its order; a name may stand there several times.
public func urlConcat(_ url: String, _ arguments: [(String, String)]) -> String {
    let (rest, fragment) = url.split(atFirst: "#")
    let (base, query) = rest.split(atFirst: "?")
    var pairs: [String] = []
    (query ?? "").withOctets { octets in
        var parser = QueryParser(octets, limit: .max)
        while let (name, value) = parser.next() { pairs.append("\(urlEscape(name))=\(urlEscape(value))") }
    }
    pairs += arguments.map { "\(urlEscape($0))=\(urlEscape($1))" }
    let newQuery = pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    return base + newQuery + (fragment.map { "#" + $0 } ?? "")
}

/// The URL with a query, which is encoded already, behind the one that it has; a fragment stays at the end.
func addingQuery(_ query: String, to url: String) -> String {
    guard !query.isEmpty else { return url }
    let (rest, fragment) = url.split(atFirst: "#")
    let separator = rest.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
    return rest + separator + query + (fragment.map { "#" + $0 } ?? "")
}

/// JSON text that can stand in an HTML `<script>` element: `</` is written as `<\/`, which means the same in JSON and does
/// not end the element.
///
/// Tornado: `json_encode`, the part that differs from the encoder of the language.
public func escapeJSON(_ json: String) -> String {
    guard json.utf8.contains(UInt8(ascii: "<")) else { return json }
    var escaped: [UInt8] = []
    escaped.reserveCapacity(json.utf8.count + 16)
    var last: UInt8 = 0
    for byte in json.utf8 {
        if byte == UInt8(ascii: "/"), last == UInt8(ascii: "<") { escaped.append(UInt8(ascii: "\\")) }
        escaped.append(byte)
        last = byte
    }
    return String(decoding: escaped, as: UTF8.self)
}

/// The text with each run of spaces and control characters as one space, and without white space at both ends.
///
/// Tornado: `squeeze`.
public func squeeze(_ text: String) -> String {
    var squeezed = String.UnicodeScalarView()
    var isInRun = false
    for scalar in text.unicodeScalars {
        let isBlank = scalar.value <= 0x20
        if !isBlank {
            squeezed.append(scalar)
        } else if !isInRun {
            squeezed.append(" ")
        }
        isInRun = isBlank
    }
    let start = squeezed.firstIndex { !$0.properties.isWhitespace } ?? squeezed.endIndex
    let end = squeezed.lastIndex { !$0.properties.isWhitespace }.map(squeezed.index(after:)) ?? start
    return String(squeezed[start..<end])
}

extension String {
    /// The text before the first such character, and the text after it; nil if the character does not occur.
    func split(atFirst character: Unicode.Scalar) -> (String, String?) {
        guard let index = unicodeScalars.firstIndex(of: character) else { return (self, nil) }
        let rest = unicodeScalars[unicodeScalars.index(after: index)...]
        return (String(unicodeScalars[..<index]), String(rest))
    }
}
