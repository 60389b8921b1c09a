import Glibc
public import HTTPTypes
import TwisterCodec
package import TwisterIO

/// A handler broke its own promise about the response: a body of another length than declared, or a change after the head
/// is sent.
public struct HTTPOutputError: Error, CustomStringConvertible, Sendable {
    public let description: String

    public init(description: String) { self.description = description }

    static let headIsSent = HTTPOutputError(description: "the response's head is sent")
}

/// The calls with which a handler responds.
extension HTTPConnection {
    /// Whether the response's head is sent and can no longer be changed.
    public var isHeadSent: Bool {
        if case .open = state.phase { return false }
        return true
    }

    /// Whether the response is complete.
    public var isFinished: Bool {
        switch state.phase {
        case .held, .finished, .disconnected(isFinished: true): true
        case .open, .sending, .streaming, .bodiless, .disconnected(isFinished: false): false
        }
    }

    /// Whether the handler has finished the response, but the filter holds it back.
    package var isHeld: Bool {
        if case .held = state.phase { return true }
        return false
    }

    /// Whether the client disconnected before the response was finished.
    public var isClientDisconnected: Bool {
        if case .disconnected = state.phase { return true }
        return false
    }

    // MARK: Head

    /// Sets the response's status and fields, replacing those that were set before.
    ///
    /// - Throws: `HTTPOutputError` once the head is sent and for an informational status (`sendInformational` sends those),
    ///   `HTTPHeaderError` for a field that would break the message.
    ///
    /// Tornado: `HTTPConnection.write_headers`.
    public func setHead(_ status: HTTPResponse.Status, _ fields: HTTPFields = HTTPFields()) throws {
        checkThread()
        if isClientDisconnected { return }
        guard !isHeadSent else { throw HTTPOutputError.headIsSent }
        guard status.code >= 200 else { throw HTTPOutputError(description: "\(status.code) is no final status") }
        head.reuse()
        try head.setStatus(status.code, reason: status.reasonPhrase.isEmpty ? nil : status.reasonPhrase)
        for field in fields { try head.add(field.name, field.value) }
    }

    /// Sets a field of the head. Returns whether that was in time, before the head was sent.
    @discardableResult
    package func setField(_ name: HTTPField.Name, _ value: String) throws -> Bool {
        checkThread()
        try head.set(name, value)
        return !isHeadSent
    }

    package func addField(_ name: HTTPField.Name, _ value: String) throws {
        checkThread()
        try head.add(name, value)
    }

    package func removeField(_ name: HTTPField.Name) {
        checkThread()
        head.remove(name)
    }

    /// Sets the type of the body's content, unless one is set.
    package func setDefaultContentType(_ type: String) {
        if !head.hasContentType, !isHeadSent { try? head.set(.contentType, type) }
    }

    /// For fields of our own making, which are always well-formed.
    func setTrusted(_ name: HTTPField.Name, _ value: String) { try? head.set(name, value) }

    /// Forgets status, fields and body of a response of which nothing is sent.
    package func clear() {
        checkThread()
        guard !isHeadSent else { return }
        head.reuse()
        responseBody.removeAll()
        responseTrailers = nil
    }

    // MARK: Body

    /// Adds to the response's body; gathered until `flush` or `finish`. After the end: ignored.
    ///
    /// Tornado: `HTTPConnection.write`.
    public func write(_ bytes: [UInt8]) {
        checkThread()
        guard takesBody else { return }
        responseBody.append(bytes)
    }

    /// The same for text, as UTF-8.
    public func write(_ text: String) {
        checkThread()
        guard takesBody else { return }
        text.withOctets { responseBody.append($0) }
    }

    /// The same, with the `Content-Type` that the text has where none is set.
    package func write(_ text: String, as type: String) {
        checkThread()
        guard takesBody else { return }
        setDefaultContentType(type)
        text.withOctets { responseBody.append($0) }
    }

    private var takesBody: Bool {
        switch state.phase {
        case .open, .sending, .streaming, .bodiless: true
        case .held, .disconnected, .finished: false
        }
    }

    /// Sends the gathered bytes, and waits while the client lags behind.
    ///
    /// - Throws: `StreamClosedError` where the client has disconnected, `HTTPOutputError` for more than was declared,
    ///   `CancellationError`.
    public func flush() async throws {
        checkThread()
        if isFinished, !isClientDisconnected { return }
        guard let transport, !isClientDisconnected else { throw StreamClosedError(realError: .endedByPeer) }
        filterResponse(isComplete: false)
        if isFinished { return }
        if !isHeadSent { sendHead(transport, bodyLength: nil) }
        if case .bodiless = state.phase, !responseBody.isEmpty { return try await dropGathered() }
        try sendGathered(transport)
        if transport.isBackedUp { try await transport.drained() }
    }

    /// Drops the gathered bytes, because this response has no body (HEAD, 204, 304). No client's backpressure slows such a
    /// handler down, so it waits for the loop's next turn, and learns there whether its client is still connected.
    @inline(never)
    private func dropGathered() async throws {
        responseBody.removeAll()
        await loop.nextTurn()
        if isClientDisconnected { throw StreamClosedError(realError: .endedByPeer) }
    }

    /// Sends `bytes` after the gathered ones, for a caller that cannot wait. Drops them where the client lags behind or the
    /// response is over.
    package func writeIfReady(_ bytes: [UInt8]) {
        checkThread()
        guard !isFinished, !isClientDisconnected, let transport, !transport.isBackedUp else { return }
        responseBody.append(bytes)
        filterResponse(isComplete: false)
        if isFinished { return }
        if !isHeadSent { sendHead(transport, bodyLength: nil) }
        do { try sendGathered(transport) } catch {
            logMistake("\(error)")
            abort()
        }
    }

    /// Sends the rest and ends the response. The connection then goes on to its next request, while the handler may go on
    /// with work of its own. A second call is ignored.
    ///
    /// Tornado: `HTTPConnection.finish`.
    public func finish() {
        checkThread()
        if let transport { finish(through: transport) } else { markFinished() }
    }

    // Generic over the transport, so that the way of each response is specialised for it: that spares retaining it, and calls
    // through the protocol.

    func finish<Transport: ExchangeTransport>(through transport: Transport) {
        if filter != nil {
            if isHeldByFilter() { return }
            filterResponse(isComplete: true)
        }
        switch state.phase {
        case .held, .finished: return
        case .disconnected: return markFinished()
        case .open: sendHead(transport, bodyLength: responseBody.count)
        case .sending, .streaming, .bodiless: break
        }
        // Nearly every response is out with its head.
        if case .sending(remaining: 0) = state.phase, responseBody.isEmpty {
            state.phase = .finished
            return transport.sendEnd(nil)
        }
        finishBody(transport)
    }

    /// Sends the rest of a response that was begun before, or of a large one. A function of its own, because few responses have
    /// a rest.
    @inline(never)
    private func finishBody(_ transport: any ExchangeTransport) {
        do {
            try sendGathered(transport)
            if case .sending(remaining: let left) = state.phase, left > 0 {
                throw HTTPOutputError(description: "the body is \(left) bytes short of the declared Content-Length")
            }
            state.phase = .finished
            transport.sendEnd(responseTrailers)
        } catch {
            logMistake("\(error)")
            abort()
        }
    }

    /// Has the filter change what is about to be sent. The filter may abort the response.
    @inline(never)
    private func filterResponse(isComplete: Bool) {
        guard let filter else { return }
        switch state.phase {
        case .open: filter.responseBegins(self, isComplete ? .whole : .begun)
        case .sending, .streaming, .bodiless: filter.responseContinues(self, isComplete: isComplete)
        case .held, .disconnected, .finished: break
        }
    }

    /// Asks the filter whether it holds back this complete response, of which nothing is sent yet.
    @inline(never)
    private func isHeldByFilter() -> Bool {
        guard case .open = state.phase, let filter, filter.holdsResponse(self) else { return false }
        state.phase = .held
        return true
    }

    /// Opens a response again that the filter has held back, so that `finish` sends it or an error replaces it. Does nothing
    /// where no response is held back, or where the client has disconnected meanwhile.
    package func reopenHeldResponse() {
        checkThread()
        if case .held = state.phase { state.phase = .open }
    }

    func markFinished() {
        switch state.phase {
        case .disconnected: state.phase = .disconnected(isFinished: true)
        case .open, .held, .sending, .streaming, .bodiless, .finished: state.phase = .finished
        }
        responseBody.removeAll()
    }

    /// Ends an incomplete response by cutting the transport: nothing else tells the client that the response is incomplete.
    /// Responses to earlier requests still go out.
    package func abort() {
        checkThread()
        let isOver = isFinished
        markFinished()
        if !isOver { transport?.abort() }
    }

    /// Replaces a response of which nothing was sent by the error page for `status`; one that was begun is cut.
    package func respondToFailure(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields? = nil) {
        guard !isFinished else { return }
        guard !isHeadSent else { return abort() }
        clear()
        try? head.setStatus(status)
        if let fields { for field in fields { setTrusted(field.name, field.value) } }
        writeErrorPage(detail: detail)
        finish()
    }

    // MARK: Framing, as far as it does not depend on the version (RFC 9110, 6.4 and 8.6)

    /// Sends the head; `bodyLength` is the body's length where all of it is there.
    private func sendHead<Transport: ExchangeTransport>(_ transport: Transport, bodyLength: Int?) {
        if let record { noteHead(record) }
        var framing = head.framing
        if framing.status < 200 {
            replaceInformationalStatus()
            framing = head.framing
        }
        let length = announcedLength(framing, bodyLength, transport)
        transport.sendHead(head, length, &responseBody)
        guard responseBody.isEmpty, let bodyLength, case .sending(remaining: let due) = state.phase else { return }
        // The body went out with the head.
        state.phase = .sending(remaining: due - bodyLength)
    }

    /// Notes the response's status and time in the record, and adds the request's identifier to the head, which is about to be
    /// sent, where the server gives identifiers.
    @inline(never)
    func noteHead(_ record: ExchangeRecord) {
        record.status = head.status < 200 && head.status != 101 ? 500 : head.status
        record.times.firstWrite = loop.now
        if record.sendsRequestID, let requestID = record.requestID, let name = RequestIDs.fieldName,
            !head.contains(name)
        {
            setTrusted(name, requestID)
        }
    }

    /// Decides what the head says of the body, and what may follow it.
    @inline(__always)
    private func announcedLength<Transport: ExchangeTransport>(
        _ head: (status: Int, allowsBody: Bool, contentLength: Int?), _ bodyLength: Int?, _ transport: Transport
    ) -> BodyLength {
        let length = head.contentLength ?? bodyLength
        if !head.allowsBody || requestHead.method == .head {
            state.phase = .bodiless
            if head.status == 205 { return .omitted(0) }
            // The response to HEAD has the `Content-Length` that GET would have got (RFC 9110, 9.3.2), where that is known: a
            // handler that wrote nothing may have left the body out because the method is HEAD. A 304 gives no length of a body
            // that was not made.
            guard let length, head.allowsBody, length > 0 || head.contentLength != nil else { return .none }
            return .omitted(length)
        }
        if responseTrailers != nil, head.contentLength == nil, !transport.isHTTP10 {
            announceTrailers()
        } else if let length {
            state.phase = .sending(remaining: length)
            return .known(length)
        }
        state.phase = .streaming
        return .unknown
    }

    /// Replaces a final status in the 1xx range by 500: the client would wait for ever for a final response.
    private func replaceInformationalStatus() {
        logMistake("\(head.status) is no final status")
        try? head.setStatus(500)
    }

    private func sendGathered(_ transport: any ExchangeTransport) throws {
        guard !responseBody.isEmpty else { return }
        switch state.phase {
        case .sending(remaining: let due):
            guard responseBody.count <= due else {
                throw HTTPOutputError(description: "the body is longer than the declared Content-Length")
            }
            state.phase = .sending(remaining: due - responseBody.count)
            transport.sendBody(&responseBody)
        case .streaming: transport.sendBody(&responseBody)
        case .open, .held, .bodiless, .disconnected, .finished: responseBody.removeAll()
        }
    }

    // MARK: Files

    /// Sends the head, with the length of the pieces, and ends the response with them; bytes that were written before are
    /// dropped.
    ///
    /// Everything is queued at once: a range of a file holds no memory, and the connection takes no further request while
    /// the client lags behind. The file stays open until the last of it was sent, or the client has disconnected. A file
    /// that ends before its range does cuts the connection, since the head has promised more.
    ///
    /// - Throws: `HTTPOutputError` once the head is sent.
    package func finish(_ pieces: [FilePiece], of file: OpenFile) throws {
        checkThread()
        if isClientDisconnected { return markFinished() }
        guard !isHeadSent else { throw HTTPOutputError.headIsSent }
        guard let transport else { return markFinished() }
        responseBody.removeAll()
        filter?.responseBegins(self, .file)
        let length = pieces.reduce(0) { $0 + $1.count }
        setTrusted(.contentLength, String(length))
        // Its body is not there yet: nothing of it goes out with the head.
        sendHead(transport, bodyLength: nil)
        if case .sending = state.phase {
            for piece in pieces {
                switch piece {
                case .bytes(let bytes):
                    responseBody.append(bytes)
                    transport.sendBody(&responseBody)
                case .range(let range):
                    guard transport.sendFile(file, range) else {
                        logMistake("the file has become shorter")
                        return abort()
                    }
                }
            }
        }
        state.phase = .finished
        transport.sendEnd(nil)
    }

    /// When the response is made, in seconds since 1970: what its `Date` will say.
    package var responseTime: Int64 { transport?.responseTime ?? Int64(time(nil)) }
}

/// A piece of a response's body that comes from a file.
package enum FilePiece {
    /// Bytes that stand between ranges of the file.
    case bytes([UInt8])
    /// A range of the file.
    case range(Range<Int>)

    /// In bytes.
    package var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .range(let range): range.count
        }
    }
}
