import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Admits requests with a token (RFC 6750): `Authorization: Bearer …`.
///
///     let auth = BearerAuth(realm: "api") { token in try await tokens.owner(of: token) }   // A Client; nil: 401.
///
/// Handlers find the user as `handler[Client.self]`. `currentUser` is the user's name: that of a `NamedUser`, a `String`, or the
/// description of a `CustomStringConvertible`. Requests without a token, and with a wrong one, get 401 with `WWW-Authenticate`,
/// those whose field is malformed 400. Tokens in the query or in a form are not read: they would stand in logs.
///
/// Tokens that are compared, and not looked up, are compared by `areEqualInConstantTime`.
public struct BearerAuth<User: Sendable>: Middleware {
    /// Returns whose token it is, or nil where it is not valid.
    public typealias Check = @Sendable (_ token: String) async throws -> User?

    private let challenge: String
    private let required: Bool
    private let check: Check

    /// - Parameters:
    ///   - realm: the part of the application that the token is for, in ASCII.
    ///   - required: whether requests without a token are refused; otherwise they are served without a user. Default true.
    ///   - check: finds the user. It runs on the request's loop, and must not block it.
    public init(realm: String, required: Bool = true, _ check: @escaping Check) {
        challenge = "Bearer realm=\(Realm(realm).quoted)"
        self.required = required
        self.check = check
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        let values = handler.request.headers.values(for: .authorization)
        switch AuthorizationField(values, scheme: "bearer") {
        case .absent:
            // A request that has not tried to log in is told no error (RFC 6750, 3.1).
            if required { throw refusal(.unauthorized, "no token", error: nil) }
        case .malformed: throw refusal(.badRequest, "malformed credentials", error: "invalid_request")
        case .credentials(let token):
            guard let user = try await check(token) else {
                throw refusal(.unauthorized, "the token is not valid", error: "invalid_token")
            }
            handler.admit(user)
        }
        try await next()
    }

    private func refusal(_ status: HTTPResponse.Status, _ message: String, error: String?) -> HTTPError {
        let value = error.map { "\(challenge), error=\"\($0)\"" } ?? challenge
        return HTTPError(status, message, headers: [.wwwAuthenticate: value])
    }
}
