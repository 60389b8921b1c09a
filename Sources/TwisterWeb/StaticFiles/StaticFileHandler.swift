import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Serves the files beneath a directory, with GET and HEAD. The first group of the URL's pattern is the file's path:
///
///     URLSpec("/static/(.*)") { StaticFileHandler($0, root: "public", defaultFilename: "index.html") }
///
/// It handles conditional requests (RFC 9110, 13), single and multiple ranges (14), and precompressed files. The kernel sends
/// the files (sendfile(2)), so that no file is in the server's memory as a whole.
///
/// Nothing outside of the root is served, whatever the path says and wherever links lead; links that stay beneath the root
/// are followed (an absolute one may be refused even so). A path with a segment `..`, a NUL, or a slash at its start
/// is 403. Names that begin with a period are served as all others, as in Tornado: see `validatePath`.
///
/// The root is opened for each request, so that a new release can replace it by a rename. Where the kernel has the directories
/// in its cache, files are opened on the loop's thread, which takes microseconds; otherwise on a thread of the loop's executor
/// (Linux 5.12; on older kernels always on the loop). Such a thread also reads bytes that are not in the page cache, one part
/// of a long file while the part before is sent. Replace files by renaming, never in place: clients of a file that is rewritten
/// while it is sent get a mixture of both versions, and a file that becomes shorter cuts their connections.
///
/// Tornado: `web.StaticFileHandler`.
open class StaticFileHandler: RequestHandler {
    private let root: String?
    private let defaultFilename: String?
    let precompressed: [PrecompressedCoding]
    private let cacheTimes: CacheTimes

    /// - Parameters:
    ///   - context: what the handler is made from.
    ///   - root: the directory; a relative one is sought from the process's working directory.
    ///   - defaultFilename: the file in a directory that is served for the directory; nil: directories are 403. With it, a
    ///     path of a directory without a slash at its end is redirected (301) to the path with one.
    ///   - precompressed: the codings in which a compressed copy may lie beside a file (`style.css.gz`). Of those to which the
    ///     client gives equal weight, the first in this list is served. A copy that is older than its file, by more than a
    ///     second, is not served. Default: none, as with nginx's `gzip_static`, because each costs an attempt to open the copy.
    ///   - cacheTimes: how long caches may use files without asking again, by media type (`Cache-Control: max-age`). Default:
    ///     the response does not say. See `cacheTime`.
    ///
    /// Tornado: `StaticFileHandler.initialize`.
    public init(
        _ context: HandlerContext, root: String, defaultFilename: String? = nil,
        precompressed: [PrecompressedCoding] = [], cacheTimes: CacheTimes = [:]
    ) {
        self.root = root
        self.defaultFilename = defaultFilename
        self.precompressed = precompressed
        self.cacheTimes = cacheTimes
        super.init(context)
    }

    /// For subclasses, which call the other initializer. Without a root the response to every request is 500.
    public required init(_ context: HandlerContext) {
        root = nil
        defaultFilename = nil
        precompressed = []
        cacheTimes = [:]
        super.init(context)
    }

    // MARK: Functions for subclasses to override

    /// Called with the path, decoded, relative to the root, before anything is opened; returns the path to open, which is
    /// relative to the root, too. Throw `HTTPError(.notFound)` for paths that are not to be served, dot files for instance.
    /// Default: the path as it is.
    ///
    /// Tornado: `StaticFileHandler.parse_url_path`, `validate_absolute_path`.
    open func validatePath(_ path: String) throws -> String { path }

    /// The value of `Content-Type`. Default: by the extension of the name, text as UTF-8; `application/octet-stream` for an
    /// unknown extension.
    ///
    /// Tornado: `StaticFileHandler.get_content_type`.
    open func contentType(_ path: String) -> String { ContentTypes.type(of: path) }

    /// How long caches may use the response without asking again; zero or less: the response does not say. Default: ten
    /// years for a URL with an argument `v`, as `makeStaticURL` makes them, else what the initializer's `cacheTimes` say for the
    /// file's media type.
    ///
    /// Tornado: `StaticFileHandler.get_cache_time`.
    open func cacheTime(_ path: String) -> Duration {
        if isVersioned { return .seconds(315_360_000) }
        // Most applications have none, and finding the type takes 2,000 instructions.
        return cacheTimes.isEmpty ? .zero : cacheTimes.time(of: contentType(path))
    }

    /// The text between the quotes of the `ETag`; nil: the response has none. Must change whenever the file's content
    /// does. Default: `version`, which is made of size and time of change in nanoseconds, and names the coding, so that
    /// servers with copies of the same files agree.
    ///
    /// Tornado: `StaticFileHandler.compute_etag`, `get_content_version`: a SHA-512 of the content, for which each file has
    /// to be read once, on the loop, and which stays the same for as long as the process runs even where the file changes.
    open func computeETag(_ path: String, version: String) -> String? { version }

    /// Called last of all, when the response's own header fields are set; it may add fields or change them. Called for 304,
    /// too. Default: nothing.
    ///
    /// Tornado: `StaticFileHandler.set_extra_headers`.
    open func setExtraHeaders(_ path: String) throws {}

    // MARK: The response

    // The response depends on the request's head alone.
    open override class var requestBody: RequestBodyMode { .streamed }

    /// Serves the file that the pattern's first group names; `head` does so, too. Tornado: `StaticFileHandler.get`.
    open override func get() async throws {
        guard let root else { throw HTTPError(.internalServerError, "StaticFileHandler has no root") }
        let requested = try Self.checked(pathArguments[0] ?? "")
        let validated = try validatePath(requested)
        // Each request would get 403, which does not tell the programmer why.
        guard pathArguments.count > 0 || defaultFilename != nil || validated != requested else {
            throw HTTPError(
                .internalServerError,
                "StaticFileHandler: the route's pattern has no group for the path of the file: /files/(.*)")
        }
        let path = try Self.checked(validated)
        let search = StaticFileSearch(
            root: root, path: path, defaultFilename: defaultFilename,
            endsWithSlash: request.head.withPathBytes { $0.last == UInt8(ascii: "/") }, codings: acceptedCodings())
        switch try search.run(.cached) {
        case .file(let found): try await send(found)
        case .directoryWithoutSlash: try redirectToDirectory()
        case .notCached: try await getOffLoop(search)
        }
    }

    var isVersioned: Bool {
        !request.head.withQueryBytes(\.isEmpty) && (try? getQueryArgument("v")) != nil
    }

    /// The path, if it may be opened at all.
    private static func checked(_ path: String) throws -> String {
        guard path.withOctets(isBeneath) else { throw HTTPError(.forbidden, "the path leaves the root") }
        return path
    }

    /// Whether the path has no segment `..`, no NUL, and no slash at its start.
    private static func isBeneath(_ path: UnsafeRawBufferPointer) -> Bool {
        let slash = UInt8(ascii: "/")
        let period = UInt8(ascii: ".")
        if path.first == slash { return false }
        var start = 0
        for index in 0...path.count where index == path.count || path[index] == slash {
            if index - start == 2, path[start] == period, path[start + 1] == period { return false }
            start = index + 1
        }
        return !path.contains(0)
    }

    /// Opens the file on another thread, because a disk has to be waited for.
    private func getOffLoop(_ search: StaticFileSearch) async throws {
        let outcome = try await loop.runInExecutor { try search.run(.blocking) }
        switch outcome {
        case .file(let found): try await send(found)
        case .directoryWithoutSlash: try redirectToDirectory()
        case .notCached: throw HTTPError(.serviceUnavailable, "the file cannot be opened")
        }
    }

    /// A path with two slashes at its start would lead to another host.
    private func redirectToDirectory() throws {
        let (path, query) = (request.path, request.query)
        let second = path.utf8.dropFirst().first
        guard path.utf8.first == UInt8(ascii: "/"), second != UInt8(ascii: "/"), second != UInt8(ascii: "\\") else {
            throw HTTPError(.forbidden, "cannot redirect a path with two initial slashes")
        }
        let url = path + "/" + (query.isEmpty ? "" : "?" + query)
        // The client's own URL may hold characters that a Location may not.
        try redirect(PercentCoding.encodeReference(url), status: .movedPermanently)
    }

    /// The codings to look for, in descending order of the client's weights.
    private func acceptedCodings() -> [PrecompressedCoding] {
        guard !precompressed.isEmpty, let field = request.head[.acceptEncoding] else { return [] }
        return field.withOctets { octets in
            let accepted = AcceptedCodings(octets)
            let least = accepted.leastWeight
            let weights = precompressed.enumerated().map { (weight: accepted.weight($1.name), place: $0, coding: $1) }
            return weights.filter { $0.weight >= least }
                .sorted { ($1.weight, $0.place) < ($0.weight, $1.place) }
                .map(\.coding)
        }
    }
}
