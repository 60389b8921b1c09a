/// The type of a family of metrics, as its `# TYPE` line names it.
enum PrometheusKind: String {
    case counter, gauge, histogram
}

/// Names, labels and numbers of Prometheus' text format.
enum PrometheusSyntax {
    /// The family's name: `http.server.request.duration` with the unit seconds is `http_server_request_duration_seconds`.
    static func name(of label: String, unit: String?, _ kind: PrometheusKind) -> String {
        var name = identifier(label, allowing: ":")
        if let unit, !name.hasSuffix("_\(unit)") { name += "_\(unit)" }
        if kind == .counter, !name.hasSuffix("_total") { name += "_total" }
        return name
    }

    /// Letters, digits and underscores; everything else becomes an underscore, and the first character is no digit.
    private static func identifier(_ text: String, allowing extra: Unicode.Scalar? = nil) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9":
                if result.isEmpty { result = "_" }
                result.unicodeScalars.append(scalar)
            case extra: result.unicodeScalars.append(scalar)
            default: result += "_"
            }
        }
        return result.isEmpty ? "_" : result
    }

    /// Labels as they stand between the braces, sorted by name. Of two labels that have the same name then, the first counts.
    static func labels(_ dimensions: [(String, String)]) -> String {
        var seen: [(name: String, value: String)] = []
        for (label, value) in dimensions {
            var name = identifier(label)
            // Prometheus keeps the first for itself; the second names the bounds of buckets.
            if name.hasPrefix("__") || name == "le" { name = "label_\(name)" }
            if !seen.contains(where: { $0.name == name }) { seen.append((name, value)) }
        }
        return seen.sorted { $0.name < $1.name }.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
            .joined(separator: ",")
    }

    static func help(_ text: String) -> String { escaped(text, quotes: false) }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A line with one number.
    static func write(_ value: Double, to text: inout String, _ name: String, _ labels: String) {
        text += name
        if !labels.isEmpty { text += "{\(labels)}" }
        text += " \(number(value))\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value) { return "\(whole)" }
        return "\(value)"
    }
}
