import HTTPTypes
import TwisterCompression
import TwisterIO

/// A server's limits of request bodies, in bytes.
package struct BodyLimits: Sendable {
    /// The longest body that is collected, unless the delegate or the handler sets another limit.
    var collected: Int
    /// How many bytes of a streamed body may wait for their reader before the socket is left unread.
    var buffered: Int
    /// Most bytes that one byte of a compressed body may yield; 0: no limit.
    var inflateRatio: Int

    package init(_ configuration: HTTPServerConfiguration) {
        collected = configuration.maxBodySize
        buffered = configuration.bodyBufferSize
        inflateRatio = configuration.maxInflateRatio
    }
}

/// A request's body on its way to the application: collected in one array, or delivered piece by piece. It does not know
/// how the bytes were framed.
struct RequestBody {
    /// Whether a part of the body's state has to be reset before the next request.
    private(set) var isUsed = false
    /// The whole body, where it is collected and has come.
    private(set) var bytes: [UInt8] = []
    /// The pieces, where they are delivered as they come.
    private(set) var stream: HTTPBodyStream?
    /// Reads a collected body, once it was asked for.
    private var streamOfBytes: HTTPBodyStream?
    private(set) var limit = 0
    /// The limit that the application has set for this request.
    private var ownLimit: Int?
    /// Bytes of the body that came, as they were sent.
    private(set) var received = 0
    /// Undoes the body's compression; nil: there is none.
    private var inflater: Inflater?
    /// The fields that came behind the body.
    private(set) var trailers: HTTPFields?

    /// Bytes in memory.
    var held: Int { bytes.count + (stream?.buffered ?? 0) }

    /// The collected body as a stream. Whoever asks again gets the same one, so that the body is read once, as a streamed one.
    mutating func collectedStream(on loop: IOLoop) -> HTTPBodyStream {
        if let streamOfBytes { return streamOfBytes }
        let made = HTTPBodyStream(bytes, on: loop)
        // `isUsed` is set wherever there are bytes.
        if !bytes.isEmpty { streamOfBytes = made }
        return made
    }

    @inline(__always)
    mutating func collect(_ limit: Int) { self.limit = ownLimit ?? limit }

    mutating func deliver(to stream: HTTPBodyStream, _ limit: Int) {
        isUsed = true
        self.stream = stream
        self.limit = ownLimit ?? limit
    }

    mutating func setLimit(_ limit: Int) {
        isUsed = true
        ownLimit = limit
        self.limit = limit
        inflater?.limit = limit
    }

    /// Has the body inflated.
    ///
    /// - Throws: `RequestRefusal` 503 where there is no memory.
    mutating func startInflating(_ coding: ContentCoding, maxRatio: Int) throws(RequestRefusal) {
        isUsed = true
        do throws(InflateError) {
            inflater = try Inflater(coding, limit: limit, maxRatio: maxRatio)
        } catch {
            throw RequestRefusal(503)
        }
    }

    /// Gives the limit, which is known by now, to the inflater: it holds for the inflated bytes, too.
    func limitInflating() { inflater?.limit = limit }

    /// Takes bytes as they were sent.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(RequestRefusal) {
        isUsed = true
        received += bytes.count
        guard let inflater else { return deliver(bytes) }
        do throws(InflateError) {
            try inflater.inflate(bytes) { deliver($0) }
        } catch {
            throw RequestRefusal(error)
        }
    }

    private mutating func deliver(_ bytes: UnsafeRawBufferPointer) {
        if let stream { stream.receive(bytes) } else { self.bytes.append(contentsOf: bytes) }
    }

    /// All of the body has come, or there is none.
    mutating func end(_ trailers: HTTPFields? = nil) throws(RequestRefusal) {
        if let inflater {
            do throws(InflateError) {
                try inflater.finish()
            } catch {
                throw RequestRefusal(error)
            }
        }
        if let trailers, !trailers.isEmpty {
            isUsed = true
            self.trailers = trailers
        }
        stream?.finish(.success(()))
    }

    /// Ends a streamed body early, because no more of it will come. Ignored where all of it has come.
    func fail(_ error: HTTPBodyError) { stream?.finish(.failure(error)) }

    /// Refuses the body, even where all of it has come: bytes that wait for the reader are dropped.
    func refuse(_ status: Int) { stream?.refuse(.refused(status: status)) }

    /// Forgets a collected body that nobody will read.
    mutating func drop() {
        bytes = []
        streamOfBytes = nil
    }
}
