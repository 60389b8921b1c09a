extension Translations {
    /// The locale that a browser prefers among those that are supported.
    ///
    /// - Parameters:
    ///   - acceptLanguage: The value of the header field Accept-Language (RFC 9110, section 12.5.4); nil if the request has none.
    ///   - fallback: The code to use if the field names no language.
    ///
    /// A weight that is no number counts as 0, and a language of weight 0 is not wanted. Among equal weights the first wins.
    ///
    /// Tornado: `get_browser_locale`.
    public func browserLocale(acceptLanguage: String?, default fallback: String = "en_US") -> WebLocale {
        guard let acceptLanguage else { return get(fallback) }
        var wanted: [(code: String, weight: Double, position: Int)] = []
        for (position, element) in acceptLanguage.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let parts = element.split(separator: ";", omittingEmptySubsequences: false)
            let weight = parts.count > 1 ? Self.weight(parts[1].trimmed) : 1
            if weight > 0 { wanted.append((parts[0].trimmed, weight, position)) }
        }
        guard !wanted.isEmpty else { return get(fallback) }
        // The position makes the order of equal weights certain.
        wanted.sort { ($0.weight, -$0.position) > ($1.weight, -$1.position) }
        return closest(to: wanted.map(\.code))
    }

    private static func weight(_ parameter: String) -> Double {
        guard parameter.hasPrefix("q=") else { return 1 }
        let number = parameter.dropFirst(2).trimmed
        // Swift reads hexadecimal numbers too, which are no weights.
        guard !number.utf8.contains(UInt8(ascii: "x")), !number.utf8.contains(UInt8(ascii: "X")) else { return 0 }
        return Double(number) ?? 0
    }
}
