import Twister

/// Plain and signed cookies.
let cookieRoutes = RouteGroup {
    RouteGroup("/cookie") {
        URLSpec(.get, "/set") { handler in
            try handler.setCookie("plain", "value")
            try handler.setCookie(
                "full", "1", domain: "example.com", path: "/cookie", expires: 1_893_553_445, maxAge: .seconds(3600),
                httpOnly: true, secure: true, sameSite: .strict)
            try handler.setCookie("lax", "2", sameSite: .lax)
            try handler.setCookie("days", "3", expires: secondsNow() + 86_400)
            try handler.setCookie("twice", "first")
            try handler.setCookie("twice", "second")
            handler.write("set")
        }
        URLSpec(.get, "/make") { handler in
            try handler.setCookie(handler.wantedCookie())
            handler.write("set")
        }
        URLSpec(.get, "/clear") { handler in
            try handler.clearCookie(
                handler.getQueryArgument("name"), domain: handler.getQueryArgument("domain", default: nil),
                path: handler.getQueryArgument("path", default: "/"))
            handler.write("cleared")
        }
        URLSpec(.get, "/get") { handler in
            try handler.respond(["value": JSON(handler.getCookie(handler.getQueryArgument("name")))])
        }
        URLSpec(.get, "/all") { handler in
            try handler.respond(["cookies": .object(handler.cookies.mapValues { .string($0) })])
        }
    }
    RouteGroup("/signed") {
        signedRoutes
        URLSpec(.get, "/read") { handler in
            let value = try handler.getSignedCookie(
                handler.getQueryArgument("name"), value: handler.getQueryArgument("signed", strip: false),
                maxAgeDays: handler.maxAgeDays(), minVersion: .two)
            try handler.respond(["value": JSON(value)])
        }
    }
}.routes

/// The routes that the application with one key and that with two have in common.
private let signedRoutes = [
    URLSpec(.get, "/set") { handler in
        let (name, value) = try handler.signedPair()
        try handler.setSignedCookie(SetCookie(name: name, value: value))
        handler.write("set")
    },
    URLSpec(.get, "/get") { try $0.respondWithSignedCookie() },
    URLSpec(.get, "/make") { handler in
        let (name, value) = try handler.signedPair()
        try handler.setHeader(.contentType, "text/plain")
        handler.write(try handler.createSignedValue(name, value))
    },
]

/// An application within the application, whose cookies are signed by the second of two keys.
func rotateApplication() throws -> Application {
    let secret = try CookieSecret(versions: [1: "twin-key-one-0123456789", 2: "twin-key-two-0123456789"], current: 2)
    let routes = RouteGroup("/rotate") {
        signedRoutes
        URLSpec(.get, "/version") { handler in
            let version = try handler.getSignedCookieKeyVersion(handler.getQueryArgument("name"))
            try handler.respond(["version": version.map { .integer($0) } ?? .null])
        }
    }
    return try Application([routes], settings: Application.Settings(automaticETags: true, cookieSecret: secret))
}

extension RequestHandler {
    func respondWithSignedCookie() throws {
        let value = try getSignedCookie(getQueryArgument("name"), maxAgeDays: maxAgeDays(), minVersion: .two)
        try respond(["value": JSON(value)])
    }

    fileprivate func maxAgeDays() throws -> Double { try getQueryArgument("days", as: Double.self, default: 31) }

    fileprivate func signedPair() throws -> (name: String, value: String) {
        (try getQueryArgument("name"), try getQueryArgument("value", strip: false))
    }

    /// The cookie that the query's arguments describe.
    fileprivate func wantedCookie() throws -> SetCookie {
        func argument(_ name: String) throws -> String? { try getQueryArgument(name, default: nil, strip: false) }
        func number(_ name: String) throws -> Int64? {
            guard let text = try argument(name) else { return nil }
            guard let value = Double(text), let number = Int64(exactly: value.rounded(.down)) else {
                throw Crash("\(name) is no number")
            }
            return number
        }
        guard let name = try argument("name"), let value = try argument("value") else {
            throw Crash("a cookie has a name and a value")
        }
        var cookie = SetCookie(name: name, value: value)
        cookie.domain = try argument("domain")
        if let path = try argument("path"), !path.isEmpty { cookie.path = path }
        switch try argument("samesite")?.lowercased() {
        case nil, "": break
        case "lax": cookie.sameSite = .lax
        case "strict": cookie.sameSite = .strict
        case "none": cookie.sameSite = .none
        case let other?: throw Crash("SameSite=\(other) does not exist")
        }
        if let text = try argument("max_age") {
            guard let seconds = Int64(text) else { throw Crash("max_age is no integer") }
            cookie.maxAge = .seconds(seconds)
        }
        cookie.expires = try number("expires")
        cookie.httpOnly = try hasFlag("httponly")
        cookie.secure = try hasFlag("secure")
        return cookie
    }
}
