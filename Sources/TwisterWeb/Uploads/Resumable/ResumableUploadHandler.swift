import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The header fields of the protocol.
private enum TusField {
    static let resumable = "Tus-Resumable"
    static let version = "Tus-Version"
    static let extensions = "Tus-Extension"
    static let maxSize = "Tus-Max-Size"
    static let length = "Upload-Length"
    static let offset = "Upload-Offset"
    static let metadata = "Upload-Metadata"
    static let expires = "Upload-Expires"
}

private let protocolVersion = "1.0.0"
private let bodyType = "application/offset+octet-stream"

private func field(_ name: String, _ value: String) -> HTTPFields {
    HTTPField.Name(name).map { [$0: value] } ?? [:]
}

/// The rules that hold for each request of the protocol.
class TusHandler: RequestHandlerWith<ResumableUploads> {
    override class var requestBody: RequestBodyMode { .streamed }

    override func setDefaultHeaders() throws { try setHeader(TusField.resumable, protocolVersion) }

    override func prepare() async throws {
        guard request.method != .options, request.headers[TusField.resumable] != protocolVersion else { return }
        throw HTTPError(
            .preconditionFailed, detail: "The field Tus-Resumable has to be \(protocolVersion).",
            headers: field(TusField.version, protocolVersion))
    }

    override func options() async throws {
        setStatus(.noContent)
        try setHeader(TusField.version, protocolVersion)
        try setHeader(TusField.extensions, "creation,creation-with-upload,expiration,termination")
        try setHeader(TusField.maxSize, "\(state.maxSize.bytes)")
        try setHeader(.allow, allowedMethodsText)
    }

    /// A number of bytes in a field; nil: the field is not there.
    final func byteCount(_ name: String) throws -> Int? {
        guard let text = request.headers[name] else { return nil }
        guard let count = CanonicalNumber.parse(ArraySlice(text.utf8)) else {
            throw HTTPError(.badRequest, detail: "The field \(name) is no number of bytes.")
        }
        return count
    }

    /// Whether the request brings bytes of the file.
    final var bringsBytes: Bool { request.headers[.contentType] == bodyType }

    final func setExpiry(_ record: UploadRecord) throws {
        try setHeader(TusField.expires, HTTPDate.string(record.expires))
    }

    /// Does blocking work of the folder on another thread. This goes on even if the task is cancelled, because the received
    /// bytes of a file are kept.
    final func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable (UploadFolder) throws -> Value
    ) async throws -> Value {
        let (loop, folder) = (loop, state.folder)
        return try await Task { try await loop.runInExecutor { try work(folder) } }.value
    }

    /// Adds the request's body to the file, and hands a complete one to the application.
    final func append(_ id: String, _ record: UploadRecord, to file: AppendedFile, from offset: Int) async throws {
        let room = record.length - offset
        guard try byteCount("Content-Length") ?? 0 <= room else { throw Self.tooLong }
        let received = try await receive(into: file, room)
        try setHeader(TusField.offset, "\(offset + received)")
        try setExpiry(record)
        if received == room { try await complete(id, record) }
    }

    /// Hands a complete file to the application. The caller has the file open, so that this happens only once.
    final func complete(_ id: String, _ record: UploadRecord) async throws {
        let metadata = UploadMetadata.parse(record.metadata) ?? [:]
        let upload = ResumedUpload(
            path: state.folder.dataPath(id), size: record.length, metadata: metadata, loop: loop)
        do {
            try await state.completed(self, upload)
        } catch {
            // A file that the application has moved before it failed cannot be handed over again: the client starts anew.
            try await onDisk { folder in if folder.size(id) == nil { folder.remove(id) } }
            throw error
        }
        try await onDisk { try $0.finish(id, record) }
    }

    private static let tooLong = HTTPError(.contentTooLarge, detail: "The upload is longer than its Upload-Length.")
    /// Bytes that are gathered for one write.
    private static let pieceSize = 1 << 18

    /// Returns how many bytes were received. Where the client disconnects, the bytes that have come are written.
    private func receive(into file: AppendedFile, _ room: Int) async throws -> Int {
        var received = 0
        var gathered: [UInt8] = []
        do {
            for try await piece in request.bodyStream {
                guard piece.count <= room - received else { throw Self.tooLong }
                received += piece.count
                if gathered.isEmpty { gathered = piece } else { gathered += piece }
                guard gathered.count >= Self.pieceSize else { continue }
                // Bytes that could not be written must not be written a second time below.
                let piece = gathered
                gathered = []
                try await write(piece, to: file)
            }
        } catch {
            try? await write(gathered, to: file)
            throw error
        }
        try await write(gathered, to: file)
        return received
    }

    private func write(_ bytes: [UInt8], to file: AppendedFile) async throws {
        if !bytes.isEmpty { try await onDisk { _ in try file.write(bytes) } }
    }
}

/// Serves the URL for new uploads.
final class ResumableUploadsHandler: TusHandler {
    override func post() async throws {
        guard let length = try byteCount(TusField.length) else {
            throw HTTPError(.badRequest, detail: "The field Upload-Length is missing.")
        }
        guard length <= state.maxSize.bytes else {
            throw HTTPError(.contentTooLarge, detail: "A file has at most \(state.maxSize).")
        }
        let metadata = request.headers[TusField.metadata] ?? ""
        guard UploadMetadata.parse(metadata) != nil else {
            throw HTTPError(.badRequest, detail: "The field Upload-Metadata is malformed.")
        }
        let record = UploadRecord(length: length, metadata: metadata, expires: state.now() + state.lifetime)
        let (id, file) = try await begin(record)
        defer { file.unlock() }
        setStatus(.created)
        try setHeader(.location, "\(request.path)/\(id)")
        try setExpiry(record)
        guard bringsBytes || length == 0 else { return }
        do {
            try await append(id, record, to: file, from: 0)
        } catch {
            // The response then has no `Location`: nobody could continue the upload, which would take up its place in the
            // folder.
            try await onDisk { $0.remove(id) }
            throw error
        }
    }

    private func begin(_ record: UploadRecord) async throws -> (id: String, file: AppendedFile) {
        do {
            return try await onDisk { try $0.begin(record) }
        } catch UploadFolder.Refusal.tooManyUploads {
            throw HTTPError(.serviceUnavailable, detail: "There are too many uploads.", headers: [.retryAfter: "60"])
        } catch UploadFolder.Refusal.noRoom {
            throw HTTPError(507, detail: "There is no room for the file.")
        }
    }
}

/// Serves the URL of one upload.
final class ResumableUploadHandler: TusHandler {
    private var id: String { pathArguments[0] ?? "" }

    private func record() async throws -> UploadRecord {
        let id = id
        guard let record = try await onDisk({ try $0.record(id) }) else { throw HTTPError(.notFound) }
        return record
    }

    /// Tells how much of the file has come. Where all of it has come and the application has not taken it yet, the application
    /// gets the file now: a client that learns that the server has everything sends no further request.
    override func head() async throws {
        let (id, record) = (id, try await record())
        let size = try await onDisk { record.isFinished ? record.length : $0.size(id) }
        guard let size else { throw Self.busy }
        if !record.isFinished, size == record.length {
            let file = try await open().0
            defer { file.unlock() }
            try await complete(id, record)
        }
        try setHeader(.cacheControl, "no-store")
        try setHeader(TusField.offset, "\(size)")
        try setHeader(TusField.length, "\(record.length)")
        if !record.metadata.isEmpty { try setHeader(TusField.metadata, record.metadata) }
        try setExpiry(record)
    }

    /// Receives the next bytes of the file.
    override func patch() async throws {
        guard bringsBytes else {
            throw HTTPError(.unsupportedMediaType, detail: "The body's type has to be \(bodyType).")
        }
        guard let offset = try byteCount(TusField.offset) else {
            throw HTTPError(.badRequest, detail: "The field Upload-Offset is missing.")
        }
        let (id, record) = (id, try await record())
        setStatus(.noContent)
        if record.isFinished {
            guard offset == record.length else { throw Self.conflict(record.length) }
            try setHeader(TusField.offset, "\(offset)")
            return
        }
        let (file, size) = try await open()
        // Before the response, because a client may send its next request at once.
        defer { file.unlock() }
        guard offset == size else { throw Self.conflict(size) }
        try await append(id, record, to: file, from: offset)
    }

    /// Ends the upload, and removes what has come of it.
    override func delete() async throws {
        let (id, record) = (id, try await record())
        let file = record.isFinished ? nil : try await open().0
        defer { file?.unlock() }
        try await onDisk { $0.remove(id) }
        setStatus(.noContent)
    }

    /// Serves the other methods for clients that can send only POST.
    override func post() async throws {
        switch request.headers["X-HTTP-Method-Override"] {
        case "PATCH": try await patch()
        case "DELETE": try await delete()
        case "HEAD": try await head()
        default: throw HTTPError(.methodNotAllowed)
        }
    }

    private func open() async throws -> (AppendedFile, size: Int) {
        let id = id
        let opened = try await onDisk { folder -> (AppendedFile, size: Int)? in
            try AppendedFile(folder.dataPath(id)).map { ($0, try $0.size()) }
        }
        guard let opened else { throw Self.busy }
        return opened
    }

    /// The error while another request writes the file, or is giving it to the application.
    private static let busy = HTTPError(
        HTTPResponse.Status(code: 423, reasonPhrase: "Locked"), detail: "Another request of this upload is under way.",
        headers: [.retryAfter: "1"])

    private static func conflict(_ size: Int) -> HTTPError {
        HTTPError(.conflict, detail: "The upload has \(size) bytes.", headers: field(TusField.offset, "\(size)"))
    }
}
