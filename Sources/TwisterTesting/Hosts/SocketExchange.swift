import HTTPTypes
import TwisterCodec
import TwisterIO

/// The client's side of one exchange over HTTP/1.1 (RFC 9112). Belongs to the client's loop.
struct SocketExchange {
    private let stream: IOStream
    private let feed: ResponseFeed

    /// The longest head of a response, in bytes.
    private static let maxHeadSize = 1 << 20
    private static let pieceSize = 16_384

    init(_ stream: IOStream, _ feed: ResponseFeed) {
        self.stream = stream
        self.feed = feed
    }

    /// Sends the request, and puts the parts of its response into the feed.
    ///
    /// - Throws: what `reason` understands.
    func run(_ request: PreparedRequest) async throws {
        send(request)
        var head = try await readHead()
        // A 101 is not informational here: it is the last response of HTTP on the connection.
        while head.status.kind == .informational, head.status.code != 101 {
            feed.put(.informational(head))
            head = try await readHead()
        }
        feed.put(.head(head))
        let hasBody = request.method != .head && head.status.code != 204 && head.status.code != 304
        if !hasBody {
            feed.put(.end(trailers: [:]))
        } else if let coding = head.fields[.transferEncoding] {
            guard coding.lowercased() == "chunked" else {
                throw TestClientError.malformedResponse("Transfer-Encoding: \(coding)")
            }
            try await readChunks()
        } else if let length = head.fields[.contentLength] {
            guard let length = length.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) ? Int(length) : nil else {
                throw TestClientError.malformedResponse("Content-Length: \(length)")
            }
            try await readBody(length)
        } else {
            try await readUntilClose()
        }
    }

    /// Queues the whole request: a server may respond before it has read all of it, and the response is read meanwhile.
    private func send(_ request: PreparedRequest) {
        stream.enqueue(request.headOctets)
        switch request.body {
        case .none: break
        case .whole(let bytes): stream.enqueue(bytes)
        case .pieces(let pieces):
            for piece in pieces where !piece.isEmpty {
                stream.enqueue(Array("\(String(piece.count, radix: 16))\r\n".utf8))
                stream.enqueue(piece)
                stream.enqueue(Array("\r\n".utf8))
            }
            stream.enqueue(Array("0\r\n\r\n".utf8))
        }
    }

    private func readHead() async throws -> ResponseFeed.Head {
        try ResponseHeadReader.read(try await stream.readUntil("\r\n\r\n", maxBytes: Self.maxHeadSize))
    }

    private func put(_ bytes: [UInt8]) async throws {
        feed.put(.body(bytes))
        if feed.isBackedUp { try await feed.waitForRoom() }
    }

    private func readBody(_ length: Int) async throws {
        var remaining = length
        while remaining > 0 {
            let bytes = try await stream.readBytes(min(remaining, Self.pieceSize), partial: true)
            remaining -= bytes.count
            try await put(bytes)
        }
        feed.put(.end(trailers: [:]))
    }

    private func readChunks() async throws {
        var decoder = ChunkedDecoder()
        while true {
            let bytes = try await stream.readBytes(Self.pieceSize, partial: true)
            var position = 0
            while position < bytes.count {
                let rest = bytes[position...]
                switch rest.withUnsafeBytes({ decoder.next($0) }) {
                case .data(let range, let consumed):
                    try await put(Array(rest[(position + range.lowerBound)..<(position + range.upperBound)]))
                    position += consumed
                case .needMore(let consumed): position += consumed
                case .end: return feed.put(.end(trailers: decoder.trailers))
                case .invalid(let error): throw TestClientError.malformedResponse("chunks: \(error.reason)")
                }
            }
        }
    }

    /// The body ends where the connection does.
    private func readUntilClose() async throws {
        do {
            while true { try await put(try await stream.readBytes(Self.pieceSize, partial: true)) }
        } catch let error as StreamClosedError where error.isOrderlyEnd {
            feed.put(.end(trailers: [:]))
        }
    }

    /// Translates an error of the client's socket into the error that the test gets.
    static func reason(_ error: any Error) -> TestClientError {
        switch error {
        case let error as TestClientError: error
        case let error as UnsatisfiableReadError: .malformedResponse("its head: \(error)")
        case is IOLoopError: .ended
        default: .connectionClosed("\(error)")
        }
    }
}

extension StreamClosedError {
    fileprivate var isOrderlyEnd: Bool {
        if case .endedByPeer = realError { return true }
        return false
    }
}
