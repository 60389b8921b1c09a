import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Admits requests with a user name and a password (RFC 7617). The password goes over the network as it is: use it with https.
///
///     let auth = BasicAuth(realm: "Backstage") { name, password in
///         try await accounts.find(name, password)        // An Account; nil: 401.
///     }
///
/// Handlers find the user as `handler[Account.self]`. `currentUser` is the user's name: that of a `NamedUser`, a `String`, the
/// description of a `CustomStringConvertible`, otherwise the name that was sent. Requests without credentials, and with wrong or
/// malformed ones, get 401 with `WWW-Authenticate`.
public struct BasicAuth<User: Sendable>: Middleware {
    /// Returns the user, or nil where name or password are wrong.
    public typealias Check = @Sendable (_ name: String, _ password: String) async throws -> User?

    private let challenge: String
    private let required: Bool
    private let check: Check

    /// - Parameters:
    ///   - realm: what browsers show when they ask for the password, in ASCII.
    ///   - required: whether requests without credentials are refused; otherwise they are served without a user. Default true.
    ///   - check: finds the user. It runs on the request's loop, and must not block it: a slow hash belongs on another thread.
    public init(realm: String, required: Bool = true, _ check: @escaping Check) {
        challenge = "Basic realm=\(Realm(realm).quoted), charset=\"UTF-8\""
        self.required = required
        self.check = check
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        let values = handler.request.headers.values(for: .authorization)
        switch AuthorizationField(values, scheme: "basic") {
        case .absent:
            if required { throw refusal("no credentials") }
        case .malformed: throw refusal("malformed credentials")
        case .credentials(let text):
            guard let (name, password) = Self.parse(text) else { throw refusal("malformed credentials") }
            guard let user = try await check(name, password) else { throw refusal("wrong user name or password") }
            handler.admit(user, sentName: name)
        }
        try await next()
    }

    private func refusal(_ message: String) -> HTTPError {
        HTTPError(.unauthorized, message, headers: [.wwwAuthenticate: challenge])
    }

    /// The name, which has no colon, and the password: base64 with its padding, UTF-8, no control characters (RFC 7617, 2).
    static func parse(_ text: String) -> (name: String, password: String)? {
        guard let octets = Base64.standard.decode(Array(text.utf8)[...]),
            let colon = octets.firstIndex(of: UInt8(ascii: ":")), octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let name = ClientText.validated(Array(octets[..<colon])),
            let password = ClientText.validated(Array(octets[(colon + 1)...]))
        else { return nil }
        return (name, password)
    }
}
