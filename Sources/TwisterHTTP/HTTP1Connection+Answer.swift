public import HTTPTypes
import Logging
import TwisterCodec
import TwisterIO

/// How far an answer is, and how its body is framed.
enum AnswerState {
    /// Nothing is sent; the head can still be changed.
    case open
    /// The head is sent; so many bytes of the body are still due.
    case fixed(remaining: Int)
    case chunked
    /// The body ends where the connection does (HTTP/1.0).
    case untilClose
    /// The head is sent and no body follows: HEAD, 204, 304.
    case bodiless
    case finished
}

/// A handler broke its own promise about the answer: a body of another length than declared, or a write after the end.
public struct HTTPOutputError: Error, CustomStringConvertible, Sendable {
    public let description: String

    public init(description: String) { self.description = description }
}

extension HTTP1Connection {
    /// Whether the answer's head is sent and can no longer be changed.
    public var isHeadSent: Bool {
        if case .open = state { return false }
        return true
    }

    /// Whether the answer is complete.
    public var isFinished: Bool {
        if case .finished = state { return true }
        return false
    }

    // MARK: What handlers call

    /// Sets the answer's status and fields, replacing what was set before.
    ///
    /// - Throws: `HTTPOutputError` once the head is sent and for an informational status (`sendInformational` sends those),
    ///   `HTTPHeaderError` for a field that would break the message.
    ///
    /// Tornado: `HTTPConnection.write_headers`.
    public func setHead(_ status: HTTPResponse.Status, _ fields: HTTPFields = HTTPFields()) throws {
        guard !isHeadSent else { throw HTTPOutputError(description: "the answer's head is sent") }
        guard status.code >= 200 else { throw HTTPOutputError(description: "\(status.code) is no final status") }
        head.reuse()
        try head.setStatus(status.code, reason: status.reasonPhrase.isEmpty ? nil : status.reasonPhrase)
        for field in fields { try head.add(field.name, field.value) }
    }

    /// Adds to the answer's body; gathered until `flush` or `finish`. After the end: ignored.
    ///
    /// Tornado: `HTTPConnection.write`.
    public func write(_ bytes: [UInt8]) {
        guard !isFinished else { return }
        body.append(bytes)
    }

    /// The same for text, as UTF-8.
    public func write(_ text: String) {
        guard !isFinished else { return }
        text.withOctets { body.append($0) }
    }

    /// Sends what is gathered, and waits while the client lags behind.
    ///
    /// - Throws: `IOStream.CloseReason` where the client has gone, `HTTPOutputError` for more than was declared.
    public func flush() async throws {
        guard let stream else { throw IOStream.CloseReason.endedByPeer }
        if let reason = stream.closeReason { throw reason }
        guard !isFinished else { return }
        if !isHeadSent, let connection { sendHead(stream, connection.server, bodyLength: nil) }
        try sendBody(stream)
        if stream.isOverHighWatermark {
            connection?.watchOutput()
            connection?.recharge()
            try await stream.drained()
        }
    }

    /// Sends the rest and ends the answer. A second call is ignored.
    ///
    /// Tornado: `HTTPConnection.finish`.
    public func finish() {
        guard let connection else { return }
        finish(connection.stream, connection.server)
    }

    /// The same for who has the stream at hand.
    func finish(_ stream: IOStream, _ server: HTTPServer) {
        guard !isFinished, !stream.isClosed else { return state = .finished }
        if !isHeadSent { sendHead(stream, server, bodyLength: body.count) }
        // Nearly every answer is out with its head.
        if case .fixed(remaining: 0) = state, body.isEmpty { return state = .finished }
        finishBody(stream)
    }

    /// What is left to send of an answer that was begun before, or of a large one. Apart, because few have anything.
    @inline(never)
    private func finishBody(_ stream: IOStream) {
        do {
            try sendBody(stream)
            try sendEnd(stream)
            state = .finished
        } catch {
            Log.application.error("\(requestHead.methodText) \(requestHead.target): \(error)")
            abort()
        }
    }

    /// Replaces an answer of which nothing was sent by the error page for `status`; one that was begun is cut.
    package func respondToFailure(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields = HTTPFields()) {
        guard !isFinished else { return }
        guard !isHeadSent else { return abort() }
        clear()
        try? head.setStatus(status)
        for field in fields { setTrusted(field.name, field.value) }
        writeErrorPage(detail: detail)
        finish()
    }

    /// Cuts the answer: nothing else tells the client that it is not whole. Answers to earlier requests still go out.
    package func abort() {
        let endsWithConnection = if case .untilClose = state { true } else { false }
        state = .finished
        keepAlive = false
        body.removeAll()
        // An orderly end would look like the end of the body.
        if endsWithConnection { stream?.reset() } else { stream?.closeAfterOutput() }
    }

    /// Forgets status, fields and body of an answer of which nothing is sent.
    package func clear() {
        guard !isHeadSent else { return }
        head.reuse()
        body.removeAll()
        trailers = nil
    }

    /// The same, with the `Content-Type` that the text has where none is set.
    package func write(_ text: String, as type: String) {
        setDefaultContentType(type)
        write(text)
    }

    // MARK: The head, for the floor above

    package func setField(_ name: HTTPField.Name, _ value: String) throws { try head.set(name, value) }
    package func addField(_ name: HTTPField.Name, _ value: String) throws { try head.add(name, value) }
    package func removeField(_ name: HTTPField.Name) { head.remove(name) }

    /// Sets the type of the body's content, unless one is set.
    package func setDefaultContentType(_ type: String) {
        if !head.hasContentType, !isHeadSent { try? head.set(.contentType, type) }
    }

    // MARK: Framing (RFC 9112, 6)

    /// Sends the head; `bodyLength` is the body's length where all of it is there.
    ///
    /// Where all of a small body is there, it goes into the same piece of output.
    func sendHead(_ stream: IOStream, _ server: HTTPServer, bodyLength: Int?) {
        if head.status < 200 { replaceInformationalStatus() }
        let isHTTP10 = requestHead.versionMinor == 0
        let endsWithAnswer = head.closesConnection || !server.keepsAlive
        if endsWithAnswer || !isRequestRead && connection?.mayDrainRequest != true { keepAlive = false }
        let framing = frame(bodyLength, isHTTP10)
        let inline = bodyLength != nil && isBodyWhole && !body.isLarge ? body.count : 0
        let output = stream.reserveOutput(server.encoder.upperBound(head) + inline)
        let count = server.encoder.encode(
            head, framing: framing, persistence: !keepAlive ? .close : isHTTP10 ? .keepAlive : .implied,
            date: server.date, at: server.unixSeconds(at: stream.turnTime), into: output)
        if inline > 0 {
            if let base = body.octets.baseAddress { (output + count).copyMemory(from: base, byteCount: inline) }
            body.removeAll()
            state = .fixed(remaining: 0)
        }
        stream.commitOutput(count + inline)
    }

    /// Decides how the body is framed, and says what the head tells of it.
    @inline(__always)
    private func frame(_ bodyLength: Int?, _ isHTTP10: Bool) -> ResponseEncoder.Framing {
        let length = head.contentLength ?? bodyLength
        if !head.allowsBody || requestHead.method == .head {
            state = .bodiless
            if head.status == 205 { return .length(0) }
            // To HEAD, what GET would have sent (RFC 9110, 9.3.2), where that is known: a handler that wrote nothing may
            // have left it out because it is HEAD. A 304 says nothing of a body that it did not make.
            guard let length, head.allowsBody, length > 0 || head.contentLength != nil else { return .none }
            return .length(length)
        }
        if trailers != nil, !isHTTP10, head.contentLength == nil {
            announceTrailers()
        } else if let length {
            state = .fixed(remaining: length)
            return .length(length)
        }
        if isHTTP10 {
            state = .untilClose
            keepAlive = false
            return .none
        }
        state = .chunked
        return .chunked
    }

    /// An answer that ends with a 1xx would leave the client waiting for ever.
    private func replaceInformationalStatus() {
        Log.application.error("\(requestHead.methodText) \(requestHead.target): \(head.status) is no final status")
        try? head.setStatus(500)
    }

    /// Whether what is gathered is the whole of a body of known length.
    private var isBodyWhole: Bool {
        if case .fixed(let remaining) = state { return remaining == body.count }
        return false
    }

    private func sendBody(_ stream: IOStream) throws {
        guard !body.isEmpty else { return }
        switch state {
        case .fixed(let remaining):
            guard body.count <= remaining else {
                throw HTTPOutputError(description: "the body is longer than the declared Content-Length")
            }
            state = .fixed(remaining: remaining - body.count)
            body.send(stream)
        case .chunked:
            let base = stream.reserveOutput(ChunkEncoder.headUpperBound)
            stream.commitOutput(ChunkEncoder.encodeHead(body.count, into: base))
            body.send(stream)
            stream.enqueue(ChunkEncoder.tail)
        case .untilClose: body.send(stream)
        case .open, .bodiless, .finished: body.removeAll()
        }
    }

    private func sendEnd(_ stream: IOStream) throws {
        switch state {
        case .fixed(let remaining) where remaining > 0:
            throw HTTPOutputError(description: "the body is \(remaining) bytes short of the declared Content-Length")
        case .chunked: sendLastChunk(stream)
        default: break
        }
    }
}
