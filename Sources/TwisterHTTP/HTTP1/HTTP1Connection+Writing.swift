import TwisterCodec
import TwisterIO

/// Framing one response (RFC 9112, 6).
extension HTTP1Connection {
    var isHTTP10: Bool { exchange.requestHead.versionMinor == 0 }

    var stream: IOStream? { unretainedStream?.takeUnretainedValue() }

    var responseTime: Int64 { context.unixSeconds }

    func sendInformational(_ head: ResponseHead) {
        if head.status == 100 { body?.awaitsContinue = false }
        _ = withStream { stream in
            let base = stream.reserveOutput(ResponseEncoder.informationalUpperBound(head))
            stream.commitOutput(ResponseEncoder.encodeInformational(head, into: base))
        }
    }

    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody) {
        let isLast = head.closesConnection || !context.keepsAlive
        if isLast || !isRequestRead && !mayDropBody { keepsAlive = false }
        var inline = 0
        let framing: ResponseEncoder.Framing
        switch length {
        case .none:
            writing = .plain
            framing = .none
        case .omitted(let length):
            writing = .plain
            framing = .length(length)
        case .known(let length):
            writing = .plain
            framing = .length(length)
            if length == body.count, !body.isLarge { inline = length }
        case .unknown where isHTTP10:
            writing = .untilClose
            keepsAlive = false
            framing = .none
        case .unknown:
            writing = .chunked
            framing = .chunked
        }
        let persistence: ResponseEncoder.Persistence = !keepsAlive ? .close : isHTTP10 ? .keepAlive : .implied
        if let unretainedStream {
            let count = unretainedStream._withUnsafeGuaranteedRef {
                Self.send(head, framing, persistence, body, inline, $0, context)
            }
            noteOutput(count, body: inline)
        }
        if inline > 0 { body.removeAll() }
    }

    /// Encodes the head, and a small body behind it. Everything comes as a parameter, because Swift would retain what it reads
    /// from properties.
    @inline(__always)
    private static func send(
        _ head: ResponseHead, _ framing: ResponseEncoder.Framing, _ persistence: ResponseEncoder.Persistence,
        _ body: borrowing ResponseBody, _ inline: Int, _ stream: IOStream, _ context: ServerContext
    ) -> Int {
        let output = stream.reserveOutput(context.encoder.upperBound(head) + inline)
        let count = context.encoder.encode(
            head, framing: framing, persistence: persistence, date: context.date, at: context.unixSeconds, into: output)
        if inline > 0, let base = body.octets.baseAddress {
            (output + count).copyMemory(from: base, byteCount: inline)
        }
        stream.commitOutput(count + inline)
        return count + inline
    }

    func sendBody(_ body: inout ResponseBody) {
        guard let stream else { return body.removeAll() }
        let size = body.count
        guard case .chunked = writing else {
            noteOutput(size, body: size)
            return Self.enqueue(&body, stream)
        }
        let base = stream.reserveOutput(ChunkEncoder.headUpperBound)
        let headSize = ChunkEncoder.encodeHead(size, into: base)
        stream.commitOutput(headSize)
        Self.enqueue(&body, stream)
        stream.enqueue(ChunkEncoder.tail)
        noteOutput(headSize + size + ChunkEncoder.tail.utf8CodeUnitCount, body: size)
    }

    private static func enqueue(_ body: inout ResponseBody, _ stream: IOStream) {
        body.take(whole: { stream.enqueue($0) }, octets: { stream.enqueue($0) })
    }

    /// A small range goes out together with the head.
    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool {
        guard let stream, !range.isEmpty else { return true }
        noteOutput(range.count, body: range.count)
        guard range.count <= OpenFile.copiedSize else {
            stream.enqueue(file, range)
            return true
        }
        let count = file.read(into: stream.reserveOutput(range.count), range.count, at: range.lowerBound)
        stream.commitOutput(count)
        return count == range.count
    }

    func sendEnd(_ trailers: ResponseTrailers?) {
        if case .chunked = writing, let stream { sendLastChunk(trailers, stream) }
        writing = .complete
        if let record = exchange.record { awaitOutput(record) }
        releaseIfComplete()
    }

    @inline(never)
    private func sendLastChunk(_ trailers: ResponseTrailers?, _ stream: IOStream) {
        guard let trailers else {
            noteOutput(ChunkEncoder.lastChunk.utf8CodeUnitCount, body: 0)
            return stream.enqueue(ChunkEncoder.lastChunk)
        }
        let base = stream.reserveOutput(ChunkEncoder.lastChunkUpperBound(trailers))
        let size = ChunkEncoder.encodeLastChunk(trailers, into: base)
        noteOutput(size, body: 0)
        stream.commitOutput(size)
    }

    func abort() {
        keepsAlive = false
        guard let stream else { return }
        // A body without length or chunks ends with the connection: after an orderly close it would look complete, so the
        // connection is reset.
        if endsWithConnection { stream.reset() } else { stream.closeAfterOutput() }
    }

    /// Whether a response is being sent whose body has neither a length nor chunks.
    var endsWithConnection: Bool { if case .untilClose = writing { true } else { false } }

    /// Whether the client lags behind or the stream is closed. In the second case `drained` throws at once, so that a handler
    /// does not go on writing for nobody.
    var isBackedUp: Bool { stream.map { $0.isClosed || $0.isOverHighWatermark } ?? true }

    func drained() async throws {
        guard let stream else { throw StreamClosedError(realError: .endedByPeer) }
        owner?.watchOutput()
        owner?.recharge()
        do {
            try await stream.drained()
        } catch let error as StreamClosedError {
            // The stream resumes its waiters before it tells the connection that it is closed.
            clientDisconnected()
            throw error
        }
    }
}
