import Twister

struct Signup: Decodable, Validatable {
    let email: String
    let age: Int?
    let topics: [String]

    func validate() throws {
        try require(email.contains("@"), "email", "must be an address")
        try require((age ?? 18) >= 18, "age", "must be 18 or more")
    }
}

/// JSON and forms, by the Content-Type; 415, 400 and 422 come by themselves.
final class SignupHandler: RequestHandler {
    override func post() async throws {
        let signup = try decodeBody(Signup.self)
        setStatus(.created)
        write("welcome, \(signup.email)")
    }
}

/// The same for browsers: a form with mistakes is shown again, with a message beside each field.
final class SignupPage: RequestHandler {
    override func get() async throws { show() }

    override func post() async throws {
        do {
            let signup = try decodeBody(Signup.self)
            write("welcome, \(xhtmlEscape(signup.email))")
        } catch let error as HTTPError where error.status == .unprocessableContent {
            setStatus(error.status)
            show(error.failures)
        }
    }

    private func show(_ failures: [ValidationFailure] = []) {
        let email = (try? getBodyArgument("email", default: "")) ?? ""
        for failure in failures { write("<p>\(xhtmlEscape(failure.description))</p>") }
        write("<form method=\"post\"><input name=\"email\" value=\"\(xhtmlEscape(email))\"><button>Sign up</button></form>")
    }
}

/// Arguments one by one, and the files of a small form.
final class SearchHandler: RequestHandler {
    override func get() async throws {
        let text = try getArgument("q")
        let page = try getArgument("page", as: Int.self, default: 1)
        let tags = try getQueryArguments("tag")
        write("page \(page) of \(xhtmlEscape(text)), tags \(tags.count)")
    }

    override func post() async throws {
        let password = try getBodyArgument("password", strip: false)
        let pictures = try getFiles("picture")
        write("\(password.count) characters, \(pictures.count) pictures")
    }
}

/// Files of any size: they go to the disk as they arrive.
final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func post() async throws {
        let folder = try TemporaryFolder()
        var sizes: [String] = []
        for try await part in try multipart(limits: MultipartLimits(files: 10, fileSize: .gibibytes(2)))
        where part.isFile {
            let upload = try await part.saveTemporarily(in: folder)
            sizes.append("\(part.safeFileName): \(upload.size)")
        }
        write(sizes.joined(separator: "\n"))
    }
}

func makeForms() throws -> Application {
    try Application([
        URLSpec("/signup", SignupHandler.self),
        URLSpec("/signup/page", SignupPage.self),
        URLSpec("/search", SearchHandler.self),
        URLSpec("/upload", UploadHandler.self),
    ])
}
