package import HTTPTypes

/// A request's method as a small number. The `RequestHead` has the text of an `other` method.
@usableFromInline
package enum RequestMethod: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, patch, options, connect, trace, other

    /// The method as HTTPTypes represents it, nil for `other`.
    package var httpTypes: HTTPRequest.Method? {
        switch self {
        case .get: .get
        case .head: .head
        case .post: .post
        case .put: .put
        case .delete: .delete
        case .patch: .patch
        case .options: .options
        case .connect: .connect
        case .trace: .trace
        case .other: nil
        }
    }

    /// The method's name as it is sent, nil for `other`.
    package var name: StaticString? {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other: nil
        }
    }

    /// Recognises a method. Methods are case-sensitive (RFC 9110 9.1), so "get" is an `other` one.
    init(_ text: UnsafeRawBufferPointer) {
        let candidates: [2 of RequestMethod]
        switch text.count {
        case 3: candidates = [.get, .put]
        case 4: candidates = [.post, .head]
        case 5: candidates = [.patch, .trace]
        case 6: candidates = [.delete, .delete]
        case 7: candidates = [.options, .connect]
        default:
            self = .other
            return
        }
        if candidates[0].isSpelled(text) {
            self = candidates[0]
        } else if candidates[1].isSpelled(text) {
            self = candidates[1]
        } else {
            self = .other
        }
    }

    private func isSpelled(_ text: UnsafeRawBufferPointer) -> Bool { name.map { Octets.equal(text, $0) } ?? false }
}
