import Twister

/// The base class of the blog's handlers: it knows the author who has logged in, and keeps messages for the next page.
class BlogHandler: RequestHandlerWith<Blog> {
    private static let loginCookie = "blog_author"
    private static let messageCookie = "blog_message"

    /// The author's identifier, which the login cookie holds. A cookie that was tampered with is none.
    override func getCurrentUser() -> String? { try? getSignedCookie(Self.loginCookie) }

    /// The author who sends the request, for pages with the policy `authenticated`.
    func currentAuthor() async throws -> Author {
        guard let id = Int64(try requireUser()), let author = try await state.author(id) else {
            throw HTTPError(.forbidden, "the author is not known any more")
        }
        return author
    }

    func logIn(_ author: Author) throws {
        try setSignedCookie(Self.loginCookie, "\(author.id)", secure: request.protocol == "https")
    }

    func logOut() throws { try clearCookie(Self.loginCookie) }

    /// Has the next page show a message, once.
    func showNext(_ message: String) throws {
        try setSignedCookie(Self.messageCookie, message, maxAge: .seconds(60))
    }

    override func templateValues() -> [String: Any] {
        guard let message = try? getSignedCookie(Self.messageCookie) else { return [:] }
        try? clearCookie(Self.messageCookie)
        return ["message": message]
    }
}
