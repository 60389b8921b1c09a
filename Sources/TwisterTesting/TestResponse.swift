public import FoundationEssentials
public import HTTPTypes
public import TwisterWeb

/// A whole response, as a value.
public struct TestResponse: Sendable {
    /// The status, with its reason phrase.
    public let status: HTTPResponse.Status
    /// The fields of the head.
    public let headers: HTTPFields
    /// The fields that came behind the body (RFC 9110, 6.5).
    public let trailers: HTTPFields
    /// The 1xx responses that came before this one, such as 103 (Early Hints).
    public let informational: [TestInformationalResponse]
    /// The body, without the framing of HTTP/1.1.
    public let body: [UInt8]

    /// The body as text. Octets that are no UTF-8 become U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The cookies that this response sets, in order. A cookie that cannot be read is left out.
    public var cookies: [TestCookie] { headers[values: .setCookie].compactMap { TestCookie($0) } }

    /// The body as JSON.
    ///
    /// - Parameter decoder: default: the one of applications that have none of their own, for which dates are ISO 8601 texts.
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, with decoder: JSONDecoder = ApplicationSettings.standardJSONDecoder
    ) throws -> Value {
        try decoder.decode(type, from: Data(body))
    }
}

/// A 1xx response.
public struct TestInformationalResponse: Sendable {
    /// The status, with its reason phrase.
    public let status: HTTPResponse.Status
    /// The fields of the head.
    public let headers: HTTPFields
}
