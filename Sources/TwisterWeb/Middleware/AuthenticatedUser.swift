import TwisterCrypto
import TwisterHTTP

/// A user who has a name, for `RequestHandler.currentUser`.
public protocol NamedUser {
    /// The name under which the user is known to the application.
    var userName: String { get }
}

extension RequestHandler {
    /// Tells the handler who sends the request: as a value of its type, and by name in `currentUser`.
    func admit<User>(_ user: User, sentName: String? = nil) {
        self[User.self] = user
        switch user {
        case let user as any NamedUser: currentUser = user.userName
        case let user as String: currentUser = user
        case let user as any CustomStringConvertible: currentUser = user.description
        default: currentUser = sentName ?? currentUser
        }
    }
}

/// Whether two secrets are equal, such as a token that was sent and the right one, found in a time that tells nothing of where
/// they differ or of how long they are. `==` ends at the first difference, which lets a patient attacker guess a secret octet
/// by octet.
///
/// Passwords are not compared, but hashed in a slow way that has its own comparison: `PasswordHash`.
///
/// Tornado: `hmac.compare_digest`.
public func areEqualInConstantTime(_ left: String, _ right: String) -> Bool {
    // Of hashes, whose length does not depend on the secrets'.
    areEqualInConstantTime(Digest.sha256.hash(Array(left.utf8)), Digest.sha256.hash(Array(right.utf8)))
}
