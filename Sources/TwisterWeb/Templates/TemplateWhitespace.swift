/// The treatment of white space in the plain text of a template.
///
/// Tornado: `filter_whitespace`, the setting `template_whitespace`.
public enum TemplateWhitespace: Sendable {
    /// It stays.
    case all
    /// Spaces and tabs become one space, and white space with a line end in it becomes one line end.
    case single
    /// Any white space becomes one space.
    case oneLine

    func filter(_ text: Substring) -> String {
        guard self != .all else { return String(text) }
        var filtered = ""
        var rest = text
        while let first = rest.first {
            guard first.isWhitespace else {
                filtered.append(first)
                rest.removeFirst()
                continue
            }
            let run = rest.prefix(while: \.isWhitespace)
            filtered += self == .single && run.contains(where: \.isNewline) ? "\n" : " "
            rest = rest[run.endIndex...]
        }
        return filtered
    }
}
