/// The name of a file: one component of a path, which leads out of no folder.
///
///     URLSpec(.delete, "/files/([^/]+)") { (_, name: FileName) in try await store.remove("\(folder)/\(name)") }
///
/// A group of a pattern matches the path as the client has sent it, and its text is percent-decoded afterwards: `([^/]+)` matches
/// `..%2Fsecret`, and a `String` argument is then `../secret`. A path whose argument is no file name has no page: 404.
///
/// No name are: an empty text, `.` and `..`, texts that hold `/`, `\` or a control character (NUL, line breaks), and texts
/// of more than 255 bytes of UTF-8, the longest name on a Linux disk.
public struct FileName: PathValue, RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    /// The name.
    public let rawValue: String

    /// Nil where the text is no file name.
    public init?(rawValue: String) {
        guard 1...255 ~= rawValue.utf8.count, rawValue != ".", rawValue != ".." else { return nil }
        let isComponent = rawValue.unicodeScalars.allSatisfy { scalar in
            scalar != "/" && scalar != "\\" && scalar.properties.generalCategory != .control
        }
        guard isComponent else { return nil }
        self.rawValue = rawValue
    }

    /// Makes a file name of any text, such as the name that a client gives its upload: the text behind the last slash or
    /// backslash, without control and format characters, without dots and white space at both ends, and at most 200 bytes long.
    /// `file` where nothing is left. Different texts may become the same name.
    public init(sanitizing text: String) { rawValue = safeFileName(text) }

    /// The name.
    public var description: String { rawValue }
}
