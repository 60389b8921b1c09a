import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Serves the files beneath a directory, with GET and HEAD. The first group of the URL's pattern is the file's path:
///
///     try URLSpec("/static/(.*)") { StaticFileHandler($0, root: "public", defaultFilename: "index.html") }
///
/// It handles conditional requests (RFC 9110, 13), single and multiple ranges (14), and precompressed files. The kernel sends
/// the files (sendfile(2)), so that no file is in the server's memory as a whole.
///
/// Nothing outside of the root is served, whatever the path says and wherever links lead; links that stay beneath the root
/// are followed (an absolute one may be refused even so). A path with a segment `..`, a NUL, or a slash at its start
/// is 403. Names that begin with a period are served as all others, as in Tornado: see `validatePath`.
///
/// The root is opened for each request, so that a new release can replace it by a rename. Files are opened and their metadata
/// is read on the loop's thread, which takes microseconds where the directories are cached. A file that is not in the page
/// cache blocks the loop while the disk reads it. Replace files by renaming, never in place: clients of a file that is
/// rewritten while it is sent get a mixture of both versions, and a file that becomes shorter cuts its connections.
///
/// Tornado: `web.StaticFileHandler`.
open class StaticFileHandler: RequestHandler {
    private let root: String?
    private let defaultFilename: String?
    let precompressed: [PrecompressedCoding]

    /// - Parameters:
    ///   - context: what the handler is made from.
    ///   - root: the directory; a relative one is sought from the process's working directory.
    ///   - defaultFilename: the file in a directory that is served for the directory; nil: directories are 403. With it, a
    ///     path of a directory without a slash at its end is redirected (301) to the path with one.
    ///   - precompressed: the codings in which a compressed copy may lie beside a file (`style.css.gz`). Of those to which
    ///     the client gives equal weight, the first in this list is served. Default: none, as nginx's `gzip_static`, because
    ///     each costs an attempt to open the copy. A copy that is older than its file, by more than the second, is not served.
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

    /// For subclasses, which call the other initializer. Without a root the response to every request is 500.
    public required init(_ context: HandlerContext) {
        root = nil
        defaultFilename = nil
        precompressed = []
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
    /// years for a URL with an argument `v`, as `makeStaticURL` makes them, else zero.
    ///
    /// Tornado: `StaticFileHandler.get_cache_time`.
    open func cacheTime(_ path: String) -> Duration { isVersioned ? .seconds(315_360_000) : .zero }

    /// The text between the quotes of the `ETag`; nil: the response has none. Must change whenever the file's content
    /// does. Default: `version`, which is made of size, time of change in nanoseconds, and inode, and names the coding.
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
        /// Nil: the file is sent as it is.
        let coding: PrecompressedCoding?
    }

    /// The path, if it may be opened at all.
    private static func checked(_ path: String) throws -> String {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isOutside = segments.contains { $0.elementsEqual("..".utf8) }
        guard !isOutside, path.utf8.first != UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw HTTPError(.forbidden, "the path leaves the root")
        }
        return path
    }

    /// Opens the file to be sent; nil if the response is a redirect, which is then finished.
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

    /// The compressed copy beside a file, if it exists and is not older.
    private static func openVariant(
        _ path: String, of file: OpenFile, in directory: borrowing FileRoot
    ) -> OpenFile? {
        // Compressors that copy the file's time may cut it to the second.
        guard let variant = try? directory.open(path), variant.kind == .regular,
            variant.modified.seconds >= file.modified.seconds
        else { return nil }
        return variant
    }

    /// The codings to look for, in descending order of the client's weights.
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
    /// The status of the response for a file that cannot be opened.
    fileprivate var fileStatus: HTTPResponse.Status {
        switch fileProblem {
        case .missing: .notFound
        case .forbidden: .forbidden
        case .exhausted: .serviceUnavailable
        case .other: .internalServerError
        }
    }
}
