import Synchronization
import TwisterIO

/// An uploaded file in a temporary folder. It is removed with the last reference to this object unless it was moved. May be used
/// from any thread.
public final class TemporaryUpload: Sendable {
    /// Where the file is, until it is moved.
    public let path: String
    /// Its size in bytes.
    public let size: Int
    /// Which of the accepted types it has; nil: any was accepted.
    public let type: FileType?

    private let isMoved = Mutex(false)
    /// Keeps the folder.
    private let folder: TemporaryFolder
    private let loop: IOLoop

    init(path: String, size: Int, type: FileType?, folder: TemporaryFolder, loop: IOLoop) {
        self.path = path
        self.size = size
        self.type = type
        self.folder = folder
        self.loop = loop
    }

    deinit {
        if !isMoved.withLock({ $0 }) { removeFile(path) }
    }

    /// Gives the file another path, also on another file system, and leaves it there.
    ///
    /// - Parameter overwriting: whether a file with that path is replaced. If not, an existing one is kept, and the client gets
    ///   409.
    /// - Throws: `FormError.fileExists`, `IOError`, `ExecutorError`, and `CancellationError` if the task is cancelled before the
    ///   move begins. The file then stays where it was.
    public func move(to path: String, overwriting: Bool = false) async throws {
        try await FormError.saving(to: path) {
            try await loop.runInExecutor { [self] in
                try isMoved.withLock { isMoved in
                    try moveFile(self.path, to: path, overwriting: overwriting)
                    isMoved = true
                }
            }
        }
    }
}
