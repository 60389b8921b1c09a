import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Serves the files beneath a directory, with GET and HEAD. The first group of the URL's pattern is the file's path:
///
///     try URLSpec("/static/(.*)") { StaticFileHandler($0, root: "public", defaultFilename: "index.html") }
///
/// Conditional requests (RFC 9110, 13), ranges, several of them too (14), and files that lie compressed beside
/// themselves are answered as the RFC has it. The kernel sends the files (sendfile(2)): none is ever whole in memory.
///
/// Nothing outside of the root is served, whatever the path says and wherever links lead; links that stay beneath the root
/// are followed (an absolute one may be refused even so). A path with a segment `..`, a NUL, or a slash at its start
/// is 403. Names that begin with a period are served as all others, as in Tornado: see `validatePath`.
///
/// The root is opened for each request, so that a new release can take its place by a rename. To open files and to read
/// their metadata is done on the loop's thread: microseconds where the directories are cached. What is not in the page
/// cache holds the loop up while the disk reads it. Replace files by renaming, never in place: who rewrites a file that is
/// being sent sends a mixture, and one that becomes shorter cuts the connections.
///
/// Tornado: `web.StaticFileHandler`.
open class StaticFileHandler: RequestHandler {
    private let root: String?
    private let defaultFilename: String?
    let precompressed: [PrecompressedCoding]

    /// - Parameters:
    ///   - context: what the handler is made from.
    ///   - root: the directory; a relative one is sought from the process's working directory.
    ///   - defaultFilename: what a directory stands for; nil: directories are 403. With it, a directory that is asked for
    ///     without a slash at the end is 301 to where it has one.
    ///   - precompressed: in which codings files may lie beside themselves (`style.css.gz`); of those that the client
    ///     likes equally well the first counts. Default: none, as nginx's `gzip_static`, because each costs an attempt to
    ///     open it. One that is older than its file, by more than the second, is not served.
    ///
    /// Tornado: `StaticFileHandler.initialize`.
    public init(
        _ context: HandlerContext, root: String, defaultFilename: String? = nil,
        precompressed: [PrecompressedCoding] = []
    ) {
        self.root = root
        self.defaultFilename = defaultFilename
        self.precompressed = precompressed
        super.init(context)
    }

    /// Without a root every request is answered with 500; for subclasses, which call the other one.
    public required init(_ context: HandlerContext) {
        root = nil
        defaultFilename = nil
        precompressed = []
        super.init(context)
    }

    // MARK: What a subclass overrides

    /// Called with the path, decoded, relative to the root, before anything is opened; answers the path to open, which is
    /// relative to the root, too. Throw `HTTPError(.notFound)` for what is not to be served, dot files for instance.
    /// Default: the path as it is.
    ///
    /// Tornado: `StaticFileHandler.parse_url_path`, `validate_absolute_path`.
    open func validatePath(_ path: String) throws -> String { path }

    /// The value of `Content-Type`. Default: by the name's ending, text as UTF-8; `application/octet-stream` for unknown
    /// ones.
    ///
    /// Tornado: `StaticFileHandler.get_content_type`.
    open func contentType(_ path: String) -> String { ContentTypes.type(of: path) }

    /// How long the answer may be used without asking again; zero or less: nothing is said of that. Default: ten years for
    /// a URL with an argument `v`, as `makeStaticURL` makes them, else zero.
    ///
    /// Tornado: `StaticFileHandler.get_cache_time`.
    open func cacheTime(_ path: String) -> Duration { isVersioned ? .seconds(315_360_000) : .zero }

    /// What stands between the quotes of the `ETag`; nil: the answer has none. Must change whenever the file's content
    /// does. Default: `version`, which is made of size, time of change in nanoseconds, and inode, and names the coding.
    ///
    /// Tornado: `StaticFileHandler.compute_etag`, `get_content_version`: a SHA-512 of the content, for which each file has
    /// to be read once, on the loop, and which stays the same for as long as the process runs even where the file changes.
    open func computeETag(_ path: String, version: String) -> String? { version }

    /// Called when the answer's own fields are set, last of all: add to them, or change them. For 304, too. Default:
    /// nothing.
    ///
    /// Tornado: `StaticFileHandler.set_extra_headers`.
    open func setExtraHeaders(_ path: String) throws {}

    // MARK: The answer

    // The head alone decides.
    open override class var requestBody: RequestBodyMode { .streamed }

    /// Serves the file that the pattern's first group names; `head` does so, too. Tornado: `StaticFileHandler.get`.
    open override func get() async throws {
        guard let root else { throw HTTPError(.internalServerError, "StaticFileHandler has no root") }
        let path = try Self.checked(try validatePath(try Self.checked(pathArguments[0] ?? "")))
        guard let found = try find(path, in: root) else { return }
        try send(found)
    }

    var isVersioned: Bool { getQueryArgument("v") != nil }

    /// A file to be sent, and how it was chosen.
    struct Found {
        /// The path of the original, relative to the root.
        let path: String
        let file: OpenFile
        /// nil: as it is.
        let coding: PrecompressedCoding?
    }

    /// The path, where it may be opened at all.
    private static func checked(_ path: String) throws -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let leaves = segments.contains { $0.elementsEqual("..".utf8) }
        guard !leaves, path.utf8.first != UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw HTTPError(.forbidden, "the path leaves the root")
        }
        return path
    }

    /// Opens what is to be sent; nil where the answer is a redirect, which is then finished.
    private func find(_ path: String, in root: String) throws -> Found? {
        let directory: FileRoot
        do throws(IOError) {
            directory = try FileRoot(root)
        } catch {
            throw HTTPError(.internalServerError, "the root of static files: \(error)")
        }
        var path = path
        var file = try Self.open(path, in: directory)
        if file.kind == .directory, let defaultFilename {
            if request.path.utf8.last != UInt8(ascii: "/") {
                try redirectToDirectory()
                return nil
            }
            path += (path.isEmpty || path.utf8.last == UInt8(ascii: "/") ? "" : "/") + defaultFilename
            file = try Self.open(path, in: directory)
        }
        guard file.kind == .regular else { throw HTTPError(.forbidden, "not a file") }
        for coding in acceptedCodings() {
            if let variant = Self.openVariant(path + coding.suffix, of: file, in: directory) {
                return Found(path: path, file: variant, coding: coding)
            }
        }
        return Found(path: path, file: file, coding: nil)
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

    private static func open(_ path: String, in directory: borrowing FileRoot) throws -> OpenFile {
        do throws(IOError) {
            return try directory.open(path)
        } catch {
            throw HTTPError(error.fileStatus, "\(error)")
        }
    }

    /// The compressed file beside a file, where it is there and not older.
    private static func openVariant(
        _ path: String, of file: OpenFile, in directory: borrowing FileRoot
    ) -> OpenFile? {
        // Compressors that hand the time on may cut it to the second.
        guard let variant = try? directory.open(path), variant.kind == .regular,
            variant.modified.seconds >= file.modified.seconds
        else { return nil }
        return variant
    }

    /// The codings to look for, those that the client likes best first.
    private func acceptedCodings() -> [PrecompressedCoding] {
        guard !precompressed.isEmpty, let field = request.head[.acceptEncoding] else { return [] }
        return field.withOctets { octets in
            let accepted = AcceptedCodings(octets)
            let least = max(accepted.identityWeight, 1)
            let weights = precompressed.enumerated().map { (weight: accepted.weight($1.name), place: $0, coding: $1) }
            return weights.filter { $0.weight >= least }
                .sorted { ($1.weight, $0.place) < ($0.weight, $1.place) }
                .map(\.coding)
        }
    }
}

extension IOError {
    /// What a file that cannot be opened is to the client.
    fileprivate var fileStatus: HTTPResponse.Status {
        switch fileProblem {
        case .missing: .notFound
        case .forbidden: .forbidden
        case .exhausted: .serviceUnavailable
        case .other: .internalServerError
        }
    }
}
