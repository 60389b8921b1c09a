import Twister

/// The user's name is kept in a cookie that clients can read and cannot change.
class MemberHandler: RequestHandler {
    override func getCurrentUser() -> String? { try? getSignedCookie("user") }
}

/// Users who have not logged in are sent to /login?next=/.
final class MembersPage: MemberHandler {
    override class var policy: Policy { Policy(authenticated: true) }

    override func get() async throws { try render("members") }
}

final class LoginHandler: MemberHandler {
    override func get() async throws { try render("login", ["next": try nextURL()]) }

    override func post() async throws {
        let password = try getBodyArgument("password", strip: false)
        guard areEqualInConstantTime(password, "correct horse") else {
            setStatus(.forbidden)
            return try render("login", ["next": try nextURL(), "problem": "The password is wrong."])
        }
        try setSignedCookie("user", try getBodyArgument("name"))
        try redirect(try nextURL(), status: .seeOther)
    }
}

final class LogoutHandler: MemberHandler {
    override func post() async throws {
        try clearCookie("user")
        try redirect("/", status: .seeOther)
    }
}

func makeClub(cookieSecret: CookieSecret) throws -> Application {
    let templates = try TemplateLibrary(templates: [
        "members": """
        <p>Hello, {{current_user}}</p>
        <form action="/logout" method="post">{{{xsrf_form_html}}}<button>Log out</button></form>
        """,
        "login": """
        {{#problem}}<p>{{problem}}</p>{{/problem}}
        <form action="/login" method="post">{{{xsrf_form_html}}}
        <input type="hidden" name="next" value="{{next}}">
        <input name="name"> <input name="password" type="password"> <button>Log in</button></form>
        """,
    ])
    return try Application(
        [
            URLSpec("/", MembersPage.self),
            URLSpec("/login", LoginHandler.self),
            URLSpec("/logout", LogoutHandler.self),
        ],
        settings: Application.Settings(
            loginURL: "/login", cookieSecret: cookieSecret, xsrfCookies: true, templates: templates))
}
