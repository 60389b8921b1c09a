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
    /// The contents of the records by their uploads' identifiers, so that each record is read only once. Locked while the
    /// uploads of the folder are counted, so that two new uploads do not take the same room.
    private let known = Mutex<[String: Known]>([:])

    /// The contents of a record. Only `isFinished` changes while the record exists, once.
    private struct Known {
        let length: Int
        let expires: Int64
        let isFinished: Bool
        /// The size of the record itself.
        let recordSize: Int
    }

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

    private func read(_ id: String) throws(IOError) -> UploadRecord? { try readWithSize(id)?.record }

    /// Nil for a file that is no record: a crash of the system may leave one.
    private func readWithSize(_ id: String) throws(IOError) -> (record: UploadRecord, size: Int)? {
        let bytes = try readFile(recordPath(id), upTo: Self.longestRecord)
        return (try? JSONDecoder().decode(UploadRecord.self, from: Data(bytes))).map { ($0, bytes.count) }
    }

    /// How many bytes have come; nil: the file is not there.
    func size(_ id: String) -> Int? { fileSize(dataPath(id)) }

    /// Begins an upload, once those whose time is over are removed. Where the folder is full, finished ones are removed, too,
    /// those that began first before the others.
    ///
    /// - Returns: the upload's identifier, and its file.
    /// - Throws: `Refusal`, `IOError`.
    func begin(_ record: UploadRecord) throws -> (id: String, file: AppendedFile) {
        let id = String(decoding: Base64.url.encode(RandomOctets.make(Self.idSize)), as: UTF8.self)
        let bytes = Array(try JSONEncoder().encode(record))
        return try known.withLock { known in
            var uploads = sweep(&known)
            try makeRoom(for: Self.sum(record.length, bytes.count), &uploads)
            // The record is written first, so that `sweep` finds what a crash leaves.
            try write(bytes, id)
            do {
                return (id, try AppendedFile(creating: dataPath(id)))
            } catch {
                remove(id)
                throw error
            }
        }
    }

    /// Removes records of finished uploads until the folder has room for another upload of that size.
    private func makeRoom(for size: Int, _ uploads: inout Uploads) throws(Refusal) {
        guard uploads.pending.count < maxCount else { throw .tooManyUploads }
        guard Self.sum(size, uploads.pending.size) <= quota else { throw .noRoom }
        var finished = uploads.finished.sorted { ($0.expires, $0.id) > ($1.expires, $1.id) }
        while uploads.pending.count + finished.count >= maxCount || Self.sum(size, uploads.size) > quota {
            guard let oldest = finished.popLast() else { return }
            uploads.size -= oldest.size
            remove(oldest.id)
        }
    }

    /// The application has the file, or has let it be removed.
    func finish(_ id: String, _ record: UploadRecord) throws {
        var finished = record
        finished.isFinished = true
        try write(Array(try JSONEncoder().encode(finished)), id)
        removeFile(dataPath(id))
    }

    func remove(_ id: String) {
        // The record goes last, so that `sweep` finds what a crash leaves.
        removeFile(dataPath(id))
        removeFile(recordPath(id))
    }

    private func write(_ record: [UInt8], _ id: String) throws {
        let file = try NewFile(recordPath(id), overwriting: true)
        try file.write(record)
        try file.commit()
    }

    /// The uploads of the folder whose time is not over.
    private struct Uploads {
        /// Those that are not finished, and how large they will be together with their records.
        var pending = (count: 0, size: 0)
        var finished: [(id: String, expires: Int64, size: Int)] = []
        /// The size of all.
        var size = 0
    }

    /// Removes the uploads whose time is over, and counts the others.
    private func sweep(_ known: inout [String: Known]) -> Uploads {
        var uploads = Uploads()
        var kept: [String: Known] = [:]
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
        for name in names {
            // Other files of the folder are the application's.
            guard let id = Self.id(ofRecord: name) else { continue }
            let found: Known?
            do {
                found = try self.known(id, known[id], hasFile: names.contains(id))
            } catch {
                // The record cannot be read at the moment, which is no reason to remove the upload.
                continue
            }
            guard let found, found.expires > now() else {
                remove(id)
                continue
            }
            kept[id] = found
            if found.isFinished {
                uploads.finished.append((id, found.expires, found.recordSize))
                uploads.size = Self.sum(uploads.size, found.recordSize)
            } else {
                let size = Self.sum(found.length, found.recordSize)
                uploads.pending = (uploads.pending.count + 1, Self.sum(uploads.pending.size, size))
                uploads.size = Self.sum(uploads.size, size)
            }
        }
        known = kept
        return uploads
    }

    /// The contents of the record, which is read if they are not known, or if the upload may have been finished since.
    private func known(_ id: String, _ before: Known?, hasFile: Bool) throws(IOError) -> Known? {
        if let before, before.isFinished || hasFile { return before }
        return try readWithSize(id).map { record, size in
            Known(length: record.length, expires: record.expires, isFinished: record.isFinished, recordSize: size)
        }
    }

    /// The sum of two sizes, or the largest number.
    private static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }

    /// The identifier of the upload whose record has that name; nil: it is no record.
    private static func id(ofRecord name: String) -> String? {
        guard name.hasSuffix(".json") else { return nil }
        let id = name.dropLast(5)
        return Base64.url.decode(ArraySlice(id.utf8))?.count == idSize ? String(id) : nil
    }
}
