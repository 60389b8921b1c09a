import HTTPTypes
import TwisterCodec
import TwisterCompression
import TwisterHTTP
import TwisterIO

/// Compresses one response.
final class CompressionTransform: OutputTransform, ResponseCompressor {
    private let compression: Compression
    /// The handler keeps this object.
    private unowned let handler: RequestHandler
    private let pool: EncoderPool
    private var encoder: ContentEncoder?
    /// A body that was compressed before it is sent. The compressed one is sent if the response still has this body then.
    private var prepared: (body: [UInt8], coding: ResponseCoding, encoded: [UInt8])?
    private var holding = Holding.allowed

    private enum Holding {
        /// A long response that the handler finishes is held back until it is compressed.
        case allowed
        /// The task compresses a response, which it finishes then.
        case begun(Task<Void, Never>)
        /// The middleware has been left: nobody would wait for the response.
        case over
    }

    init(_ compression: Compression, _ handler: RequestHandler) {
        self.compression = compression
        self.handler = handler
        pool = compression.pool(of: handler)
    }

    var codings: [StaticString] { compression.settings.codings.map(\.name) }

    func decide(_ connection: HTTPConnection, status: Int, length: Int?) -> ResponseCoding? {
        let head = connection.head
        var response = ResponseCodingDecision.Response(status: status, length: length)
        response.contentType = head.get(.contentType)
        response.contentEncoding = head.get(.contentEncoding)
        response.contentRange = head.get(.contentRange)
        response.cacheControl = head.get(.cacheControl)
        let decision = ResponseCodingDecision(
            response, method: connection.requestHead.methodText,
            acceptEncoding: connection.requestHead[.acceptEncoding], settings: compression.settings)
        if decision.varies { connection.addVary("Accept-Encoding") }
        return decision.coding
    }

    // MARK: The body, as it is sent

    func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
        let head = handler.connection.head
        let length = finishing ? chunk.count : head.contentLength
        guard let coding = decide(handler.connection, status: head.status, length: length) else { return chunk }
        if let known = prepared.take(), finishing, known.coding == coding, known.body == chunk {
            setFields(handler, coding)
            return known.encoded
        }
        do {
            encoder = try ContentEncoder(coding, level: compression.settings.level(of: coding), pool: pool)
        } catch EncoderError.tooManyBodies {
            // So many responses of the loop are compressed already that this one goes out as it is.
            return chunk
        }
        setFields(handler, coding)
        return try transformChunk(chunk, finishing: finishing)
    }

    private func setFields(_ handler: RequestHandler, _ coding: ResponseCoding) {
        handler.setTrustedHeader(.contentEncoding, "\(coding.name)")
        if let tag = handler.connection.head.get(.eTag).flatMap({ EntityTag(field: $0) }) {
            handler.setTrustedHeader(.eTag, tag.coded(coding.name).text)
        }
        handler.clearHeader(.contentLength)
        handler.clearHeader(.acceptRanges)
    }

    func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
        guard let encoder else { return chunk }
        var encoded: [UInt8] = []
        try chunk.withUnsafeBytes { octets in
            try encoder.encode(octets, finishing ? .finish : .flush) { encoded.append(contentsOf: $0) }
        }
        return encoded
    }

    // MARK: A long body, before it is sent

    func holdsResponse() -> Bool {
        guard case .allowed = holding, let coding = codingOfLongBody() else { return false }
        let parts = LoopBound((transform: self, handler: handler))
        let task = Task<Void, Never>(executorPreference: handler.loop) {
            let (transform, handler) = parts.value
            await transform.prepare(coding)
            let connection = handler.connection
            // An error may have taken the response's place.
            guard connection.isHeld || connection.isClientDisconnected else { return }
            handler.madeResponseCourse.reopen(connection)
            handler.finish()
        }
        holding = .begun(task)
        return true
    }

    /// Waits for a response that is held back, before the middleware is left.
    ///
    /// - Parameter isSentNext: whether a response that is not finished is sent as it is, rather than replaced by an error.
    func settle(isSentNext: Bool) async {
        if case .begun(let task) = holding { return await task.value }
        holding = .over
        if isSentNext, !handler.connection.isHeadSent, let coding = codingOfLongBody() { await prepare(coding) }
    }

    /// The coding in which the response will be sent; nil where it is not compressed, or not in several turns.
    private func codingOfLongBody() -> ResponseCoding? {
        let connection = handler.connection
        let (count, head) = (connection.responseBody.count, connection.head)
        let course = handler.madeResponseCourse
        guard count > 2 * LongContent.pieceSize, head.allowsBody, course.transforms.first === self,
            let coding = decide(connection, status: head.status, length: count),
            !course.checksETag || handler.meetsConditions(coding)
        else { return nil }
        return coding
    }

    /// Compresses the body in several turns of the loop. Where that fails, the body is compressed when it is sent; so is one
    /// that is not very long where many others are being compressed, because it would have to wait for them.
    private func prepare(_ coding: ResponseCoding) async {
        let connection = handler.connection
        let isShort = connection.responseBody.count <= LongContent.shortSize
        guard (try? await handler.loop.beginLongWork(isShort: isShort)) == true else { return }
        defer { handler.loop.leaveLongWork() }
        let body = connection.responseBody.takeBytes()
        connection.responseBody.append(body)
        guard let encoder = try? ContentEncoder(coding, level: compression.settings.level(of: coding), pool: pool)
        else { return }
        var encoded: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: LongContent.pieceSize) {
            if start > 0 { await handler.loop.nextTurn() }
            if connection.isClientDisconnected { return }
            let end = min(start + LongContent.pieceSize, body.count)
            do {
                try body[start..<end].withUnsafeBytes { octets in
                    try encoder.encode(octets, end == body.count ? .finish : .none) { encoded.append(contentsOf: $0) }
                }
            } catch {
                return
            }
        }
        prepared = (body, coding, encoded)
    }
}
