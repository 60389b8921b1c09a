package import HTTPTypes
import TwisterCompression

/// Why a request is refused, as its response will say it.
package struct RequestRefusal: Error {
    package let status: Int
    package let detail: String?
    package let fields: HTTPFields?

    package init(_ status: Int, _ detail: String? = nil, _ fields: HTTPFields? = nil) {
        self.status = status
        self.detail = detail
        self.fields = fields
    }

    /// Whether the request itself was understood, and only the server cannot fulfil it (415, 417). Its route then responds.
    var isOfKnownRequest: Bool { status == 415 || status == 417 }

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
