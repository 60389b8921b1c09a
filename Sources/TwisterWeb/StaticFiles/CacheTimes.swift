/// How long caches may use static files without asking again, by media type.
///
///     StaticFileHandler($0, root: "public", cacheTimes: ["image/*": .seconds(86_400), "text/css": .seconds(3_600)])
///
/// A media type is written as `text/css`, `text/*` or `*/*`, without parameters and in upper or lower case; the most specific
/// one that fits a file counts. Of one that is named twice, the last counts. For a file that none fits, the response does not
/// say how long.
public struct CacheTimes: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    private var times: [String: Duration] = [:]

    public init(dictionaryLiteral elements: (String, Duration)...) {
        for (type, time) in elements { times[type.lowercased()] = time }
    }

    var isEmpty: Bool { times.isEmpty }

    /// The time for files with this value of `Content-Type`; zero if none was given.
    func time(of contentType: String) -> Duration {
        let type = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        return times[type] ?? times[type.prefix { $0 != "/" } + "/*"] ?? times["*/*"] ?? .zero
    }
}
