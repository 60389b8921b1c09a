/// A template that cannot be compiled or rendered.
///
/// Tornado: `template.ParseError`.
public struct TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, or the name of a template that comes from none.
    public let file: String
    /// The line, from 1; nil if the whole file is meant.
    public let line: Int?
    /// The mistake, in words.
    public let reason: String

    public init(file: String, line: Int? = nil, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(reason)" }
}
