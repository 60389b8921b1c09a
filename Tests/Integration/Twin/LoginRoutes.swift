import Twister

/// Users who log in and out.
let loginRoutes = RouteGroup {
    URLSpec("/login", Login.self)
    URLSpec(.get, "/logout") { handler in
        try handler.clearCookie("user")
        try handler.redirect("/")
    }
    URLSpec("/whoami", WhoAmI.self)
    URLSpec("/private", Private.self, nil)
    URLSpec("/private/absolute", Private.self, "https://login.example/in")
    URLSpec("/private/own", Private.self, "/login?from=own")
}.routes

extension RequestHandler {
    /// The user's name in the signed cookie, which nobody but the application can make.
    fileprivate var signedUser: String? {
        (try? getSignedCookie("user", minVersion: .two)).flatMap { $0.isEmpty ? nil : $0 }
    }
}

private final class Login: RequestHandler {
    override func get() async throws {
        try setHeader(.contentType, "text/plain; charset=UTF-8")
        write("login next=" + (try getQueryArgument("next", default: "/")))
    }

    override func post() async throws {
        try setSignedCookie("user", getBodyArgument("name"))
        let next = try getArgument("next", default: "/", strip: false)
        try redirect(Self.isLocal(next) ? next : "/", status: .seeOther)
    }

    /// Whether a URL leads to this host. Browsers take a backslash for a slash, and leave control characters out.
    private static func isLocal(_ url: String) -> Bool {
        let octets = url.utf8
        guard octets.first == UInt8(ascii: "/"), octets.dropFirst().first != UInt8(ascii: "/") else { return false }
        return octets.allSatisfy { $0 > 0x1F && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
    }
}

private final class WhoAmI: RequestHandler {
    override func getCurrentUser() -> String? { signedUser }
    override func get() async throws { try respond(["user": JSON(currentUser)]) }
}

/// A page for users who have logged in, with the URL where others do that; nil: the application's.
private final class Private: RequestHandlerWith<String?> {
    override class var policy: Policy { Policy(authenticated: true) }
    override func getCurrentUser() -> String? { signedUser }
    override func getLoginURL() -> String? { state ?? super.getLoginURL() }
    override func get() async throws { write("hello " + xhtmlEscape(currentUser ?? "")) }
    override func post() async throws { try await get() }
}
