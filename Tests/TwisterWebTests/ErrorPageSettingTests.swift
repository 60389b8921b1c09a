import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

/// The settings `errorPage` and `currentUser`, for handlers that override neither `writeError` nor `getCurrentUser`.
@Suite("Pages and users by settings")
struct ErrorPageSettingTests {
    private final class OwnPageHandler: RequestHandler {
        override func get() async throws { throw HTTPError(.notFound) }
        override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async { write("own") }
    }

    private struct Broken: Error {}

    private let folder: TemporaryFiles

    init() throws { folder = try TemporaryFiles() }

    private func application(_ page: @escaping @Sendable (RequestHandler) throws -> Void) throws -> Application {
        let folder = folder
        let routes: [any Routes] = [
            URLSpec(.get, "/none/([0-9]+)") { (_, _: Int) -> String? in nil },
            URLSpec(.get, "/broken") { _ in throw Broken() },
            URLSpec(.get, "/page") { _ in "page" },
            URLSpec("/own", OwnPageHandler.self),
            URLSpec("/files/(.*)") { StaticFileHandler($0, root: folder.root) },
            URLSpec(.get, "/account") { handler in "account of \(try handler.requireUser())" }
                .policy(Policy(authenticated: true)),
        ]
        return try Application(
            routes,
            settings: .init(
                automaticETags: true, currentUser: { $0.getCookie("user") },
                errorPage: { handler, status, error in
                    #expect(handler.getStatus() == status)
                    try page(handler)
                    handler.write("page of \(status.code)\(error == nil ? "" : " with an error")")
                }))
    }

    @Test("RH-32: the setting errorPage makes the pages of closures, files and unknown paths")
    func pages() async throws {
        try await application { _ in }.test(.handler) { client throws in
            #expect(try await client.get("/none/1").text == "page of 404 with an error")
            #expect(try await client.get("/none/1").status == .notFound)
            #expect(try await client.get("/broken").text == "page of 500 with an error")
            #expect(try await client.get("/unknown").text.hasPrefix("page of 404"))
            #expect(try await client.get("/files/a").text.hasPrefix("page of 404"))
            #expect(try await client.post("/page").text.hasPrefix("page of 405"))
            #expect(try await client.get("/own").text == "own")
            let changed = try await client.get("/page", headers: [.ifMatch: "\"other\""])
            #expect(changed.status == .preconditionFailed && changed.text == "page of 412")
        }
    }

    @Test("RH-32: a page that fails is replaced by the built-in one")
    func failingPage() async throws {
        let application = try application { handler in
            handler.write("half of a page")
            throw Broken()
        }
        try await application.test(.handler) { client throws in
            let response = try await client.get("/none/1")
            #expect(response.status == .notFound)
            #expect(!response.text.contains("half") && response.text.contains("404"))
        }
    }

    @Test("RH-36: the setting currentUser tells closures and policies who sends the request")
    func user() async throws {
        try await application { _ in }.test(.handler) { client throws in
            #expect(try await client.get("/account").status == .forbidden)
            #expect(try await client.get("/account", headers: [.cookie: "user=ann"]).text == "account of ann")
        }
    }
}
