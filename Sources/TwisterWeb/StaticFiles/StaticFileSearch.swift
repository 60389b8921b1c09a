import HTTPTypes
import TwisterHTTP
import TwisterIO

/// The search for the file that a request gets: by its path, or the default file of a directory, or a compressed copy.
///
/// A search blocks where the kernel has to ask a disk, so it may run on any thread.
struct StaticFileSearch: Sendable {
    /// The directory that is served.
    let root: String
    /// Relative to the root.
    let path: String
    let defaultFilename: String?
    /// Whether the request's path ends with a slash, as that of a directory has to.
    let endsWithSlash: Bool
    /// The codings of copies that the client accepts, the best first.
    let codings: [PrecompressedCoding]

    enum Outcome: Sendable {
        case file(FoundFile)
        /// A directory whose path lacks the slash at its end.
        case directoryWithoutSlash
        /// The search would wait for a disk. Only one in `.cached` files ends so.
        case notCached
    }

    /// - Throws: `HTTPError` for a path that leads to no file.
    func run(_ lookup: FileRoot.Lookup) throws -> Outcome {
        let directory: FileRoot
        do throws(IOError) {
            directory = try FileRoot(root)
        } catch {
            let isExhausted = error.fileProblem == .exhausted
            throw HTTPError(
                isExhausted ? .serviceUnavailable : .internalServerError, "the root of static files: \(error)")
        }
        do throws(IOError) {
            return try find(in: directory, lookup)
        } catch {
            if lookup == .cached, error.isNotCached { return .notCached }
            throw HTTPError(error.fileStatus, "\(error)")
        }
    }

    private func find(in directory: borrowing FileRoot, _ lookup: FileRoot.Lookup) throws(IOError) -> Outcome {
        var path = path
        var file = try directory.open(path, lookup)
        if file.kind == .directory, let defaultFilename {
            guard endsWithSlash else { return .directoryWithoutSlash }
            path += (path.isEmpty || path.utf8.last == UInt8(ascii: "/") ? "" : "/") + defaultFilename
            file = try directory.open(path, lookup)
        }
        guard file.kind == .regular else { throw IOError.notAFile(path) }
        for coding in codings {
            if let variant = try variant(path + coding.suffix, of: file, in: directory, lookup) {
                return .file(FoundFile(path: path, file: variant, coding: coding))
            }
        }
        return .file(FoundFile(path: path, file: file, coding: nil))
    }

    /// The compressed copy beside a file, if it exists and is not older.
    private func variant(
        _ path: String, of file: OpenFile, in directory: borrowing FileRoot, _ lookup: FileRoot.Lookup
    ) throws(IOError) -> OpenFile? {
        do throws(IOError) {
            let variant = try directory.open(path, lookup)
            // Compressors that copy the file's time may cut it to the second.
            return variant.kind == .regular && variant.modified.seconds >= file.modified.seconds ? variant : nil
        } catch {
            if lookup == .cached, error.isNotCached { throw error }
            return nil
        }
    }
}

/// A file to be sent, and how it was chosen.
struct FoundFile: Sendable {
    /// The path of the original, relative to the root.
    let path: String
    let file: OpenFile
    /// Nil: the file is sent as it is.
    let coding: PrecompressedCoding?
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
