import TwisterCodec

/// Whether a response is compressed, and with which coding. It is a function of header fields and numbers.
///
/// The code that applies a coding also sets `Content-Encoding`, replaces the tag by `EntityTag.coded(_:)`, and removes
/// `Accept-Ranges` and, unless the encoded body is complete, `Content-Length`.
package struct ResponseCodingDecision: Equatable, Sendable {
    /// Nil: the response is sent as it is.
    package let coding: ResponseCoding?
    /// Whether the decision depended on `Accept-Encoding`, so that `Vary` has to name that field (`VaryField.adding`).
    package let varies: Bool

    /// The response is sent as it is, whatever the client accepts.
    private static let leave = ResponseCodingDecision(coding: nil, varies: false)

    private init(coding: ResponseCoding?, varies: Bool) {
        self.coding = coding
        self.varies = varies
    }

    /// The properties of a response that the decision depends on. Header fields with several lines are joined by commas.
    package struct Response {
        package var status: Int
        package var contentType: String?
        package var contentEncoding: String?
        package var contentRange: String?
        package var cacheControl: String?
        /// The length of the body in bytes, nil while it is not known. For a HEAD request, that of the GET request's body.
        package var length: Int?

        package init(
            status: Int = 200, contentType: String? = nil, contentEncoding: String? = nil, contentRange: String? = nil,
            cacheControl: String? = nil, length: Int? = nil
        ) {
            self.status = status
            self.contentType = contentType
            self.contentEncoding = contentEncoding
            self.contentRange = contentRange
            self.cacheControl = cacheControl
            self.length = length
        }
    }

    /// Decides about a response.
    ///
    /// A response to HEAD gets the fields that GET would get (RFC 9110 9.3.2). A 304 has no body to be encoded, but the `Vary`
    /// of the 200 that it stands for (RFC 9110 15.4.5), whose type it need not name. A client that sends no `Accept-Encoding`
    /// gets the content as it is.
    ///
    /// - Parameters:
    ///   - response: the response without a coding.
    ///   - method: the method of the request.
    ///   - acceptEncoding: the request's `Accept-Encoding`, its lines joined by commas.
    ///   - settings: how responses are compressed.
    package init(
        _ response: Response, method: String, acceptEncoding: String?, settings: CompressionSettings
    ) {
        guard !settings.codings.isEmpty, method != "CONNECT", Self.mayBeEncoded(response, settings) else {
            self = .leave
            return
        }
        if response.status == 304 {
            self.init(coding: nil, varies: true)
            return
        }
        let place = acceptEncoding?.withOctets { octets in
            AcceptedCodings(octets).preferred(of: settings.codings.lazy.map(\.name))
        }
        self.init(coding: place.flatMap { $0 }.map { settings.codings[$0] }, varies: true)
    }

    /// Whether a client that accepts every coding gets one.
    private static func mayBeEncoded(_ response: Response, _ settings: CompressionSettings) -> Bool {
        guard response.contentEncoding == nil, response.contentRange == nil, allowsTransform(response.cacheControl)
        else { return false }
        switch response.status {
        // Without content (RFC 9110 15.2, 15.3.5, 15.3.6), or a part of a representation (15.3.7).
        case ..<200, 204, 205, 206: return false
        case 304: return response.contentType.map(settings.mediaTypes.contains) ?? true
        default:
            if let length = response.length, length < max(settings.minimumSize, 1) { return false }
            return response.contentType.map(settings.mediaTypes.contains) ?? false
        }
    }

    /// `no-transform` is addressed to intermediaries (RFC 9111 5.2.2.6), but whoever sets it wants the content to be sent as it
    /// is.
    private static func allowsTransform(_ cacheControl: String?) -> Bool {
        guard let cacheControl else { return true }
        return !cacheControl.withOctets { TokenList.contains($0, "no-transform") }
    }
}
