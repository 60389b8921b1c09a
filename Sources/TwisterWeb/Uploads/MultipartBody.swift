import TwisterCodec
public import TwisterIO

/// The parts of a `multipart/form-data` body (RFC 7578) as they arrive: an async sequence that is read once, by one task.
///
/// ```swift
/// for try await part in body {
///     if part.isFile { try await part.save(to: "\(folder)/\(UUID())") } else { note = try await part.text() }
/// }
/// ```
///
/// Bytes of a part that a handler has not read are skipped when it asks for the next one. The body holds at most one piece of the
/// source, and asks the source for bytes only when the handler reads: a slow handler thus slows its client down. Reading throws
/// `FormError` for a malformed body and one over the limits, `AlreadyReadingError` while another task reads, and the errors of
/// the source.
public final class MultipartBody<Source: AsyncSequence>: AsyncSequence, AsyncIteratorProtocol, PartSource
where Source.Element == [UInt8] {
    /// A part of the form.
    public typealias Element = MultipartPart

    private enum Phase {
        case betweenParts
        case inPart(name: String, room: Int, limit: ByteCount)
        case ended
        case failed(FormError)
    }

    let loop: IOLoop
    private let limits: MultipartLimits
    private var source: Source.AsyncIterator
    private var reader: MultipartReader
    private var phase = Phase.betweenParts
    private var isReading = false
    private var piece: [UInt8] = []
    private var position = 0
    /// The number of the part that may be read.
    private var number = 0
    private var counts = PartCounts()

    /// Called with each piece of the body that was read.
    public var onProgress: ((UploadProgress) -> Void)?

    /// The part of the body that has been read so far.
    public private(set) var progress: UploadProgress

    /// - Parameters:
    ///   - source: the body's bytes, in pieces of any size.
    ///   - contentType: the type of the body, which names the boundary.
    ///   - length: the body's `Content-Length`, if it has one.
    ///   - loop: the loop of the task that reads; its executor writes files.
    /// - Throws: `FormError` for another type, for one without a valid boundary, and for a `length` over the limit.
    public init(
        _ source: Source, contentType: String, length: Int? = nil, limits: MultipartLimits = MultipartLimits(),
        loop: IOLoop
    ) throws(FormError) {
        guard length ?? 0 <= limits.total.bytes else { throw .bodyTooLarge(limit: limits.total) }
        guard let boundary = try Self.boundary(of: contentType) else { throw .unsupportedType }
        self.limits = limits
        self.loop = loop
        progress = UploadProgress(received: 0, total: length)
        self.source = source.makeAsyncIterator()
        // Files and fields are counted here, each for itself.
        reader = MultipartReader(boundary: boundary, maxParts: .max, maxHeaderSize: limits.headerSize.bytes)
    }

    private static func boundary(of contentType: String) throws(FormError) -> [UInt8]? {
        let type = Array(contentType.utf8)
        let boundary = type.withUnsafeBytes { type in
            Result { () throws(MultipartError) in try MultipartParser.boundary(of: type) }
        }
        return try boundary.mapError { FormError($0, MultipartLimits()) }.get()
    }

    public func makeAsyncIterator() -> MultipartBody { self }

    /// The next part, nil behind the last one.
    public func next() async throws -> MultipartPart? {
        try await reading {
            // The parts before this one are over, even if reading fails.
            number += 1
            while try await readContent() != nil {}
            if case .ended = phase { return nil }
            guard case .partBegan(let header) = try await nextEvent() else {
                // The rest is read as well, so that the connection can serve its next request.
                while try await readPiece() {}
                phase = .ended
                return nil
            }
            let isFile = header.fileName != nil
            try counts.add(isFile: isFile, limits)
            let limit = isFile ? limits.fileSize : limits.fieldSize
            phase = .inPart(name: header.name, room: limit.bytes, limit: limit)
            return MultipartPart(header, number, self)
        }
    }

    func nextContent(of number: Int, name: String) async throws -> [UInt8]? {
        guard number == self.number else { throw FormError.partIsOver(name: name) }
        return try await reading { try await readContent() }
    }

    // MARK: Reading

    /// Reads for one task at a time. A form that was refused once stays so.
    private func reading<Value>(_ work: () async throws -> Value?) async throws -> Value? {
        guard !isReading else { throw AlreadyReadingError() }
        if case .failed(let error) = phase { throw error }
        isReading = true
        defer { isReading = false }
        do {
            return try await work()
        } catch let error as FormError {
            phase = .failed(error)
            piece = []
            throw error
        }
    }

    /// The next bytes of the part that is read; nil at its end, and between parts.
    private func readContent() async throws -> [UInt8]? {
        guard case .inPart(let name, let room, let limit) = phase else { return nil }
        let content: [UInt8]
        switch try await nextEvent() {
        case .content(let range): content = range.count == piece.count ? piece : Array(piece[range])
        case .heldContent(let held): content = Array(held)
        default:
            phase = .betweenParts
            return nil
        }
        guard content.count <= room else { throw FormError.partTooLarge(name: name, limit: limit) }
        phase = .inPart(name: name, room: room - content.count, limit: limit)
        return content
    }

    private func nextEvent() async throws -> MultipartReader.Event {
        while true {
            let result = piece.withUnsafeBytes { piece in
                Result { () throws(MultipartError) in try reader.next(piece, from: &position) }
            }
            let event = try result.mapError { FormError($0, limits) }.get()
            guard event == .needMore else { return event }
            if try await readPiece() { continue }
            guard reader.isAtEnd else { throw FormError(.unterminated, limits) }
            return .ended
        }
    }

    /// Asks the source for its next piece. Returns false at the body's end.
    private func readPiece() async throws -> Bool {
        guard let next = try await source.next(isolation: #isolation) else { return false }
        piece = next
        position = 0
        progress.received += next.count
        guard progress.received <= limits.total.bytes else { throw FormError.bodyTooLarge(limit: limits.total) }
        onProgress?(progress)
        return true
    }
}

/// How many parts a body has had so far.
private struct PartCounts {
    private var files = 0
    private var fields = 0

    mutating func add(isFile: Bool, _ limits: MultipartLimits) throws(FormError) {
        if isFile {
            guard files < limits.files else { throw .tooManyFiles(limit: limits.files) }
            files += 1
        } else {
            guard fields < limits.fields else { throw .tooManyFields(limit: limits.fields) }
            fields += 1
        }
    }
}
