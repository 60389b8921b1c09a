/// The media types of content that becomes smaller when it is compressed.
///
/// `text/event-stream` is not among the `text/*` of the default: a stream of events stays open, so that each client would
/// hold a compression context, and its events are short. `insert` adds it where that is wanted.
public struct CompressibleTypes: Sendable {
    /// Types by their whole names, in lower case.
    private var types: Set<String> = [
        "application/javascript", "application/json", "application/manifest+json", "application/wasm",
        "application/x-javascript", "application/xhtml+xml", "application/xml", "application/atom+xml",
        "application/vnd.ms-fontobject", "font/otf", "font/ttf", "image/bmp", "image/svg+xml", "image/x-icon",
    ]
    private var excluded: Set<String> = ["text/event-stream"]

    /// Tornado's types, `application/*+json`, `application/*+xml`, WebAssembly, and formats of fonts and images that are not
    /// compressed themselves.
    public init() {}

    /// Adds a media type without parameters, such as `application/x-ndjson`.
    public mutating func insert(_ type: String) {
        types.insert(type.lowercased())
        excluded.remove(type.lowercased())
    }

    /// Takes a media type out, also one of `text/*`.
    public mutating func remove(_ type: String) {
        types.remove(type.lowercased())
        excluded.insert(type.lowercased())
    }

    /// Whether content with this `Content-Type` is compressed. Parameters do not matter.
    public func contains(_ contentType: String) -> Bool {
        let end = contentType.utf8.firstIndex(of: UInt8(ascii: ";")) ?? contentType.endIndex
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var type = contentType.utf8[..<end].drop(while: isSpace)
        while let last = type.last, isSpace(last) { type.removeLast() }
        // No name of a registered type is longer than 127 characters for each part (RFC 6838, 4.2).
        guard type.count <= 255 else { return false }
        let name = Substring(type).lowercased()
        if types.contains(name) { return true }
        guard !excluded.contains(name) else { return false }
        if name.hasPrefix("text/") { return name.utf8.count > 5 }
        return name.hasPrefix("application/") && (name.hasSuffix("+json") || name.hasSuffix("+xml"))
    }
}
