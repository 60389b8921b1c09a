public import TwisterIO

/// Files that a form brings, written to the disk as they arrive.
extension MultipartPart {
    /// Bytes that are gathered for one write.
    private static var pieceSize: Int { 1 << 18 }

    /// Writes the part's content to a new file that only this user can read (mode 0600), on a thread of the loop's executor. The
    /// file is removed if an error or a cancellation ends it early. It is not flushed to the disk (fsync).
    ///
    /// The path must not be made from the client's names, except from `safeFileName`.
    ///
    /// - Parameters:
    ///   - overwriting: whether a file with that path is replaced, as a whole and when all of the part is there. If not, an
    ///     existing one is an error.
    ///   - types: the types of files that are taken, as their first bytes show them; nil: all.
    /// - Returns: the size in bytes.
    /// - Throws: `FormError.unacceptableFile` for a file of another type, of which nothing is written; `IOError` (`EEXIST`,
    ///   `ENOSPC` and others), `ExecutorError`, and the errors of `content`.
    @discardableResult
    public func save(
        to path: String, overwriting: Bool = false, accepting types: Set<FileType>? = nil
    ) async throws -> Int {
        let loop = loop
        var gathered: [UInt8] = []
        if let types { gathered = try await beginning(of: types) }
        let file = try await loop.runInExecutor { try NewFile(path, overwriting: overwriting) }
        do {
            var size = gathered.count
            for try await piece in content {
                size += piece.count
                if gathered.isEmpty { gathered = piece } else { gathered += piece }
                if gathered.count >= Self.pieceSize { try await write(gathered.take(), to: file) }
            }
            try await write(gathered, to: file)
            try await loop.runInExecutor { try file.commit() }
            return size
        } catch {
            // A task of its own, since an executor takes no work from a cancelled one.
            await Task { try? await loop.runInExecutor { file.discard() } }.value
            throw error
        }
    }

    /// The first bytes of the content, as many as the types need, once they were found to be of one of them.
    private func beginning(of types: Set<FileType>) async throws -> [UInt8] {
        let length = types.map(\.length).max() ?? 0
        var bytes: [UInt8] = []
        while bytes.count < length, let piece = try await content.next() { bytes += piece }
        guard types.contains(where: { $0.matches(bytes) }) else {
            throw FormError.unacceptableFile(name: name, types: types.map(\.mediaType).sorted())
        }
        return bytes
    }

    private func write(_ bytes: [UInt8], to file: NewFile) async throws {
        if !bytes.isEmpty { try await loop.runInExecutor { try file.write(bytes) } }
    }

    /// Writes the part's content to a file in `folder`, which is removed with the last reference to the result unless it is
    /// moved elsewhere. The client does not choose its name.
    ///
    /// - Throws: as `save(to:)`.
    public func saveTemporarily(
        in folder: TemporaryFolder, accepting types: Set<FileType>? = nil
    ) async throws -> TemporaryUpload {
        let path = folder.newPath()
        let size = try await save(to: path, accepting: types)
        return TemporaryUpload(path: path, size: size, folder: folder, loop: loop)
    }
}

extension [UInt8] {
    /// The bytes, which are no longer in this array.
    fileprivate mutating func take() -> [UInt8] {
        defer { self = [] }
        return self
    }
}
