import HTTPTypes
import TwisterCodec
import TwisterCompression

/// Request bodies that come compressed (`decompressRequest`). Tornado: `http1connection._GzipMessageDelegate`.
extension HTTP1Connection {
    /// Makes ready to undo the body's `Content-Encoding`, which the handler then sees as `X-Consumed-Content-Encoding`.
    ///
    /// - Throws: `RequestRefusal` 415 for a coding that cannot be undone, 503 where there is no memory.
    func startInflating(maxRatio: Int) throws(RequestRefusal) {
        guard let name = requestHead[.contentEncoding], name.lowercased() != "identity", !name.isEmpty else { return }
        guard let coding = ContentCoding(name) else {
            throw RequestRefusal(
                415, "the body's Content-Encoding is not supported", [.acceptEncoding: "gzip, deflate"])
        }
        do throws(InflateError) {
            inflater = try Inflater(coding, limit: bodyLimit, maxRatio: maxRatio)
        } catch {
            throw RequestRefusal(503)
        }
        renamedHead = requestHead.renamingField("content-encoding", to: "X-Consumed-Content-Encoding")
    }

    /// Takes bytes of a compressed body.
    func inflate(_ bytes: UnsafeRawBufferPointer, with inflater: Inflater) throws(RequestRefusal) {
        do throws(InflateError) {
            try inflater.inflate(bytes) { deliverBody($0) }
        } catch {
            throw RequestRefusal(error)
        }
    }

    func finishInflating(_ inflater: Inflater) throws(RequestRefusal) {
        do throws(InflateError) {
            try inflater.finish()
        } catch {
            throw RequestRefusal(error)
        }
    }
}

/// Why a request is refused, as its answer will say it.
struct RequestRefusal: Error {
    let status: Int
    let detail: String?
    let fields: HTTPFields

    init(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields = HTTPFields()) {
        self.status = status
        self.detail = detail
        self.fields = fields
    }

    init(_ error: InflateError) {
        switch error {
        case .malformed: self.init(400, "the compressed body is malformed")
        case .truncated: self.init(400, "the compressed body is not whole")
        case .tooLong: self.init(413)
        case .ratioTooHigh: self.init(413, "the body is compressed suspiciously well")
        case .outOfMemory: self.init(503)
        }
    }
}
