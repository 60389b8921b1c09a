import FoundationEssentials
import Synchronization
import TwisterIO

/// The resumable uploads of a folder: for each one a file with its bytes, `<id>`, and its record, `<id>.json`. All calls block.
final class UploadFolder: Sendable {
    /// Why a new upload is refused.
    enum Refusal: Error {
        case tooManyUploads
        case noRoom
    }

    private let path: String
    private let maxCount: Int
    private let quota: Int
    private let now: @Sendable () -> Int64
    /// Held while the uploads of the folder are counted, so that two new uploads do not take the same room.
    private let counting = Mutex(())

    init(_ path: String, maxCount: Int, quota: Int, now: @escaping @Sendable () -> Int64) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
        self.maxCount = maxCount
        self.quota = quota
        self.now = now
    }

    /// Bytes of an identifier before they are written in base64.
    private static let idSize = 16

    func dataPath(_ id: String) -> String { "\(path)/\(id)" }
    private func recordPath(_ id: String) -> String { "\(path)/\(id).json" }

    /// The record of an upload; nil: there is none, or its time is over.
    ///
    /// - Throws: `IOError` where it cannot be read.
    func record(_ id: String) throws -> UploadRecord? {
        guard fileSize(recordPath(id)) != nil, let record = try read(id), record.expires > now() else { return nil }
        return record
    }

    /// Longer than any record: a request's fields are far shorter.
    private static let longestRecord = 1 << 20

    /// Nil for a file that is no record: a crash of the system may leave one.
    private func read(_ id: String) throws(IOError) -> UploadRecord? {
        let bytes = try readFile(recordPath(id), upTo: Self.longestRecord)
        return try? JSONDecoder().decode(UploadRecord.self, from: Data(bytes))
    }

    /// How many bytes have come; nil: the file is not there.
    func size(_ id: String) -> Int? { fileSize(dataPath(id)) }

    /// Begins an upload, once those whose time is over are removed.
    ///
    /// - Returns: the upload's identifier, and its file.
    /// - Throws: `Refusal`, `IOError`.
    func begin(_ record: UploadRecord) throws -> (id: String, file: AppendedFile) {
        let id = String(decoding: Base64.url.encode(RandomOctets.make(Self.idSize)), as: UTF8.self)
        return try counting.withLock { _ in
            let (count, size) = sweep()
            guard count < maxCount else { throw Refusal.tooManyUploads }
            guard record.length <= quota - min(size, quota) else { throw Refusal.noRoom }
            // The record is written first, so that `sweep` finds what a crash leaves.
            try write(record, id)
            do {
                return (id, try AppendedFile(creating: dataPath(id)))
            } catch {
                remove(id)
                throw error
            }
        }
    }

    /// The application has the file, or has let it be removed.
    func finish(_ id: String, _ record: UploadRecord) throws {
        var finished = record
        finished.isFinished = true
        try write(finished, id)
        removeFile(dataPath(id))
    }

    func remove(_ id: String) {
        removeFile(recordPath(id))
        removeFile(dataPath(id))
    }

    private func write(_ record: UploadRecord, _ id: String) throws {
        let file = try NewFile(recordPath(id), overwriting: true)
        try file.write(Array(try JSONEncoder().encode(record)))
        try file.commit()
    }

    /// Removes the uploads whose time is over. Returns how many others are not finished, and how large they will be together.
    private func sweep() -> (count: Int, size: Int) {
        var result = (count: 0, size: 0)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in names {
            // Other files of the folder are the application's.
            guard let id = Self.id(ofRecord: name) else { continue }
            let found: UploadRecord?
            do {
                found = try read(id)
            } catch {
                // The record cannot be read at the moment, which is no reason to remove the upload.
                continue
            }
            guard let record = found, record.expires > now() else {
                remove(id)
                continue
            }
            guard !record.isFinished else { continue }
            result.count += 1
            result.size = min(result.size, .max - record.length) + record.length
        }
        return result
    }

    /// The identifier of the upload whose record has that name; nil: it is no record.
    private static func id(ofRecord name: String) -> String? {
        guard name.hasSuffix(".json") else { return nil }
        let id = name.dropLast(5)
        return Base64.url.decode(ArraySlice(id.utf8))?.count == idSize ? String(id) : nil
    }
}
