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
    ///     existing one is kept, and the client gets 409.
    ///   - types: the types of files that are taken, as their first bytes show them; nil: all.
    /// - Returns: the size in bytes.
    /// - Throws: `FormError.unacceptableFile` for a file of another type, of which nothing is written, and `.fileExists`;
    ///   `IOError` (`ENOSPC` and others), `ExecutorError`, and the errors of `content`.
    @discardableResult
    public func save(
        to path: String, overwriting: Bool = false, accepting types: Set<FileType>? = nil
    ) async throws -> Int {
        let beginning = try await beginning(of: types)
        return try await FormError.saving(to: path) {
            try await write(beginning, to: path, overwriting: overwriting)
        }
    }

    /// Writes the part's content to a new file in a folder, as `save(to:)` does, under a name that nobody can guess and that
    /// ends as the names of files of its type do.
    ///
    /// - Parameters:
    ///   - folder: the path of a folder that exists.
    ///   - types: the types of files that are taken, as their first bytes show them.
    /// - Returns: the file's name, without the folder's path.
    /// - Throws: as `save(to:)`.
    public func store(in folder: String, accepting types: Set<FileType>) async throws -> String {
        let beginning = try await beginning(of: types)
        let stem = String(decoding: Hexadecimal.encode(RandomOctets.make(16)), as: UTF8.self)
        let fileExtension = beginning.type?.fileExtension ?? ""
        let name = fileExtension.isEmpty ? stem : "\(stem).\(fileExtension)"
        _ = try await write(beginning, to: "\(folder)/\(name)", overwriting: false)
        return name
    }

    /// The size of the file that was written.
    private func write(_ beginning: Beginning, to path: String, overwriting: Bool) async throws -> Int {
        let loop = loop
        var gathered = beginning.bytes
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

    /// The first bytes of a content, and the type that they show.
    private struct Beginning {
        var bytes: [UInt8] = []
        var type: FileType?
    }

    /// The first bytes of the content, as many as the types need, once they were found to be of one of them; none where any
    /// type will do.
    private func beginning(of types: Set<FileType>?) async throws -> Beginning {
        var beginning = Beginning()
        guard let types else { return beginning }
        let length = types.map(\.length).max() ?? 0
        while beginning.bytes.count < length, let piece = try await content.next() { beginning.bytes += piece }
        beginning.type = types.first { $0.matches(beginning.bytes) }
        guard beginning.type != nil else {
            throw FormError.unacceptableFile(name: name, types: types.map(\.mediaType).sorted())
        }
        return beginning
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
        let beginning = try await beginning(of: types)
        let size = try await write(beginning, to: path, overwriting: false)
        return TemporaryUpload(path: path, size: size, type: beginning.type, folder: folder, loop: loop)
    }
}

extension [UInt8] {
    /// The bytes, which are no longer in this array.
    fileprivate mutating func take() -> [UInt8] {
        defer { self = [] }
        return self
    }
}
