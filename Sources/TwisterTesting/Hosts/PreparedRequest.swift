import HTTPTypes
import TwisterCodec

/// A request as it is sent: everything that the test has said is in the target, the fields and the body.
struct PreparedRequest: Sendable {
    var method: HTTPRequest.Method
    var target: String
    /// The value of the `Host` field.
    var authority: String
    /// The other fields.
    var fields: HTTPFields
    var body: RequestContent

    enum RequestContent: Sendable {
        case none
        /// A body of known length.
        case whole([UInt8])
        /// A body whose length the head does not say: chunked in HTTP/1.1.
        case pieces([[UInt8]])
    }

    /// The request's name in error messages.
    var name: String { "\(method.rawValue) \(target)" }

    /// The host without the port, in lower case: what cookies belong to.
    var hostName: String {
        let authority = authority.lowercased()
        guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return authority }
        return String(authority[..<colon])
    }

    /// The octets of the head (RFC 9112, 2.1). Names and values were checked by HTTPTypes, the target when it was made.
    var headOctets: [UInt8] {
        var text = "\(method.rawValue) \(target) HTTP/1.1\r\nHost: \(authority)\r\n"
        for field in fields { text += "\(field.name.rawName): \(field.value)\r\n" }
        switch body {
        case .none: break
        case .whole(let bytes): text += "Content-Length: \(bytes.count)\r\n"
        case .pieces: text += "Transfer-Encoding: chunked\r\n"
        }
        text += "\r\n"
        return Array(text.utf8)
    }

    /// The target of a path as a person writes it, with arguments for its query.
    ///
    /// - Throws: `TestClientError.invalidRequest` for control characters.
    static func target(_ path: String, _ query: KeyValuePairs<String, String>) throws(TestClientError) -> String {
        guard !path.isEmpty, !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .invalidRequest("a path that is empty or has control characters: \(path.debugDescription)")
        }
        var target = PercentCoding.encodeReference(String(path.prefix { $0 != "#" }))
        guard !query.isEmpty else { return target }
        target += target.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return target + FormEncoding.urlEncoded(query)
    }
}
