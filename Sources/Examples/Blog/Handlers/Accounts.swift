import Twister

/// Makes the blog's author, who is logged in by that.
final class Create: BlogHandler {
    // Each hash of a password takes 32 MiB while it is made.
    override class var policy: Policy { Policy(maxBodySize: .kibibytes(16), concurrency: 4) }

    private struct Form: Decodable, Validatable {
        let email: String
        let name: String
        let password: String

        func validate() throws {
            try require(email.contains("@"), "email", "must be an e-mail address")
            try require(!name.isEmpty, "name", "must not be empty")
            try require(password.count >= 8, "password", "must have 8 characters at least")
        }
    }

    override func get() async throws {
        if try await state.hasAuthor() { return try redirect(try reverseURL("login")) }
        try render("create")
    }

    override func post() async throws {
        let form = try decodeBody(Form.self)
        if try await state.hasAuthor() { throw HTTPError(.conflict, detail: "The blog has an author.") }
        let hash = try await loop.runInExecutor { [passwords = state.passwords] in try passwords.hash(form.password) }
        // Stripped, as the login strips it: an address with a blank at its end could never log in.
        let email = try getArgument("email")
        guard let author = try await state.createAuthor(email: email, name: form.name, password: hash) else {
            throw HTTPError(.conflict, detail: "The blog has an author.")
        }
        try logIn(author)
        try showNext("Welcome, \(author.name).")
        try redirect(try reverseURL("compose"))
    }
}

/// Logs an author in.
final class Login: BlogHandler {
    override class var policy: Policy { Create.policy }

    override func get() async throws {
        guard try await state.hasAuthor() else { return try redirect(try reverseURL("create")) }
        try render("login", ["next": try nextURL(), "email": ""])
    }

    override func post() async throws {
        let email = try getArgument("email")
        let password = try getArgument("password", strip: false)
        let author = try await state.author(email: email)
        // An unknown address takes as long as a wrong password, and so does not show that it is unknown.
        let passwords = state.passwords
        let isRight = try await loop.runInExecutor {
            guard let author else { return try passwords.hash(password).isEmpty }
            return try PasswordHash.verify(password, author.password)
        }
        guard let author, isRight else {
            setStatus(.forbidden)
            return try render(
                "login",
                ["next": try nextURL(), "email": email, "error": "The e-mail address or the password is wrong."])
        }
        try logIn(author)
        try showNext("Welcome back, \(author.name).")
        try redirect(try nextURL())
    }
}

/// Logs the author out. By POST, so that no other site's link can do it.
final class Logout: BlogHandler {
    override func post() async throws {
        try logOut()
        try showNext("You are logged out.")
        try redirect(try reverseURL("home"))
    }
}
