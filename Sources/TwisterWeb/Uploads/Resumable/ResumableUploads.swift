import TwisterCodec
import TwisterIO

/// Uploads that continue where they were interrupted: by a lost connection, a phone that slept, a restart of the server.
///
///     let uploads = try ResumableUploads(in: "uploads", maxSize: .gibibytes(10)) { handler, upload in
///         try await upload.move(to: "videos/\(upload.safeFileName)")
///     }
///     let application = try Application([uploads.routes("/files"), …])
///
/// The protocol is tus 1.0.0, for which there are clients for browsers, phones and the command line (tus-js-client, Uppy,
/// TUSKit), with its extensions creation, creation-with-upload, expiration and termination. Anybody who knows the URL of an
/// upload may continue it; the URL therefore has 128 random bits. Middleware and policies of the routes decide who may begin an
/// upload.
///
/// Bytes are written to the disk as they come, off the loop; memory stays flat. Several loops and processes may share a folder.
public final class ResumableUploads: Sendable {
    let folder: UploadFolder
    let maxSize: ByteCount
    let now: @Sendable () -> Int64
    let completed: @Sendable (RequestHandler, ResumedUpload) async throws -> Void
    /// In seconds.
    let lifetime: Int64
    /// A hundred years, in seconds.
    private static let longestLifetime: Int64 = 3_155_760_000

    /// - Parameters:
    ///   - path: the folder that keeps unfinished uploads, and the descriptions of finished ones, from which a client that
    ///     has lost the last response learns that everything has come. It is created if it does not exist.
    ///   - maxSize: the largest file; 413 for a larger one. Default 1 GiB.
    ///   - maxUploads: the most uploads in the folder; 503 if that many are unfinished. The oldest finished ones make room
    ///     for new ones. Default 1,000.
    ///   - quota: the most bytes in the folder: of unfinished uploads the announced sizes, and the descriptions of all; 507
    ///     over it. Default 100 GiB.
    ///   - lifetime: how long an upload may take from its beginning; afterwards it is removed. Default 24 hours.
    ///   - completed: called when a file is complete. A file that it leaves in the folder is removed. If it throws an error,
    ///     the client gets that error, and the upload stays: the function is called again when the client tries again.
    /// - Throws: an error of the file system where the folder cannot be created.
    public convenience init(
        in path: String, maxSize: ByteCount = .gibibytes(1), maxUploads: Int = 1_000,
        quota: ByteCount = .gibibytes(100),
        lifetime: Duration = .seconds(86_400),
        completed: @escaping @Sendable (_ handler: RequestHandler, _ upload: ResumedUpload) async throws -> Void
    ) throws {
        try self.init(
            in: path, maxSize: maxSize, maxUploads: maxUploads, quota: quota, lifetime: lifetime,
            now: { Int64(ValueTime.now) }, completed: completed)
    }

    /// - Parameter now: seconds since 1970.
    init(
        in path: String, maxSize: ByteCount = .gibibytes(1), maxUploads: Int = 1_000,
        quota: ByteCount = .gibibytes(100),
        lifetime: Duration = .seconds(86_400), now: @escaping @Sendable () -> Int64,
        completed: @escaping @Sendable (_ handler: RequestHandler, _ upload: ResumedUpload) async throws -> Void
    ) throws {
        folder = try UploadFolder(path, maxCount: maxUploads, quota: quota.bytes, now: now)
        self.maxSize = maxSize
        self.lifetime = min(lifetime.components.seconds, Self.longestLifetime)
        self.now = now
        self.completed = completed
    }

    /// The routes below a path such as "/files": one for new uploads, and one for each upload.
    public func routes(_ path: String) -> [URLSpec] {
        [
            URLSpec(path, ResumableUploadsHandler.self, self),
            URLSpec("\(path)/([A-Za-z0-9_-]{22})", ResumableUploadHandler.self, self),
        ]
    }
}

/// A file of a resumable upload, all bytes of which have come.
public struct ResumedUpload: Sendable {
    /// Where the file is, until it is moved.
    public let path: String
    /// Its size in bytes.
    public let size: Int
    /// The client's description of the file, by keys such as `filename` and `filetype`.
    public let metadata: [String: String]

    private let loop: IOLoop

    init(path: String, size: Int, metadata: [String: String], loop: IOLoop) {
        self.path = path
        self.size = size
        self.metadata = metadata
        self.loop = loop
    }

    /// The client's name of the file as one component of a path, as `MultipartPart.safeFileName`.
    public var safeFileName: String { TwisterWeb.safeFileName(metadata["filename"] ?? metadata["name"] ?? "") }

    /// Gives the file another path, also on another file system, and leaves it there.
    ///
    /// - Parameter overwriting: whether a file with that path is replaced. If not, an existing one is kept, and the client gets
    ///   409.
    /// - Throws: `FormError.fileExists`, `IOError`, `ExecutorError`.
    public func move(to path: String, overwriting: Bool = false) async throws {
        let source = self.path
        try await FormError.saving(to: path) {
            try await loop.runInExecutor { try moveFile(source, to: path, overwriting: overwriting) }
        }
    }
}
