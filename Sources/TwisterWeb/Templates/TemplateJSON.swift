/// A value as JSON that may stand unescaped in HTML, in a script element too: `<`, `>` and `&` are written as `\u003c` and so
/// on. Numbers that JSON does not have are null, and values that it does not know are texts.
///
/// Tornado: `json_encode` in templates.
func templateJSON(_ value: Any) -> String {
    switch value {
    case let text as String: return quoted(text)
    case let flag as Bool: return flag ? "true" : "false"
    case let number as any BinaryInteger: return "\(number)"
    case let number as Double: return number.isFinite ? "\(number)" : "null"
    case let number as Float: return number.isFinite ? "\(number)" : "null"
    case let values as [Any]: return "[" + values.map(templateJSON).joined(separator: ",") + "]"
    case let values as [String: Any]:
        let pairs = values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(templateJSON($0.value))" }
        return "{" + pairs.joined(separator: ",") + "}"
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.map { templateJSON($0.value) } ?? "null"
    case .collection, .set: return "[" + mirror.children.map { templateJSON($0.value) }.joined(separator: ",") + "]"
    default: return quoted(String(describing: value))
    }
}

private func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": json += "\\\""
        case "\\": json += "\\\\"
        case "<", ">", "&", "'", "\u{2028}", "\u{2029}", "\u{0}"..<" ":
            let digits = String(scalar.value, radix: 16)
            json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: json.unicodeScalars.append(scalar)
        }
    }
    return json + "\""
}
