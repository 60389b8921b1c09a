import Foundation
import HTTPTypes
import Testing
import Twister
import TwisterTesting

@testable import TwisterBlog

@Suite("Example: Blog") struct BlogTests {
    private static let picture: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Runs a test with a new blog, whose passwords cost little.
    private func test(_ depth: TestDepth, _ body: (TestClient) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "blog-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let blog = try Blog(folder: folder, passwords: PasswordHash(rounds: 16, parallelism: 1))
        try await makeApplication(blog, debug: true).test(depth, body)
    }

    /// The token of a page's form.
    private func token(_ client: TestClient, _ path: String) async throws -> String {
        let page = try await client.get(path)
        #expect(page.status == .ok)
        let parts = page.text.split(separator: "name=\"_xsrf\" value=\"")
        return String(try #require(parts.dropFirst().first?.prefix { $0 != "\"" }))
    }

    /// Makes the author, who is logged in then, and returns a token for forms.
    private func create(_ client: TestClient) async throws -> String {
        let token = try await token(client, "/auth/create")
        let response = try await client.post(
            "/auth/create",
            form: ["_xsrf": token, "name": "Ann", "email": " ann@example.com ", "password": "correct horse"])
        #expect(response.status == .found)
        return token
    }

    private func publish(
        _ client: TestClient, _ token: String, title: String, text: String = "Text", files: [TestFormPart] = [],
        path: String = "/compose"
    ) async throws -> TestResponse {
        try await client.post(
            path, query: ["_xsrf": token], multipart: [.field("title", title), .field("text", text)] + files)
    }

    @Test("an author is made once, and an entry with a picture is published and changed", arguments: TestDepth.allCases)
    func course(depth: TestDepth) async throws {
        try await test(depth) { client in
            let token = try await create(client)
            #expect(try await client.get("/auth/create").headers[.location] == "/auth/login")
            let file = TestFormPart.file("picture", filename: "../a.png", contentType: "image/png", Self.picture)
            let text = "See https://example.com/\n\n<script>alert(1)</script>"
            let published = try await publish(client, token, title: "Hello, Wörld!", text: text, files: [file])
            #expect(published.status == .found)
            #expect(published.headers[.location] == "/entry/hello-world")

            let page = try await client.get("/entry/hello-world").text
            #expect(page.contains("The entry is published."))
            #expect(page.contains("<p>See <a href=\"https://example.com/\">https://example.com/</a></p>"))
            #expect(page.contains("&lt;script&gt;") && !page.contains("<script>"))
            let source = try #require(page.split(separator: "src=\"").dropFirst().first?.prefix { $0 != "\"" })
            let picture = try await client.get(String(source))
            #expect(picture.body == Self.picture)
            #expect(picture.headers[.init("X-Content-Type-Options") ?? .from] == "nosniff")
            #expect(try await !client.get("/entry/hello-world").text.contains("The entry is published."))

            #expect(try await publish(client, token, title: "Bye", path: "/compose/1").status == .found)
            let changed = try await client.get("/entry/hello-world").text
            #expect(changed.contains("<h1>Bye</h1>") && changed.contains(source))
        }
    }

    @Test(
        "the same title gives another address; home, archive and feed show the entries", arguments: TestDepth.allCases)
    func lists(depth: TestDepth) async throws {
        try await test(depth) { client in
            #expect(try await client.get("/").text.contains("There are no entries yet."))
            let token = try await create(client)
            for _ in 1...11 { _ = try await publish(client, token, title: "Same & <b>") }
            let first = try await client.get("/").text
            #expect(first.split(separator: "<article>").count == 11)
            #expect(first.contains("href=\"?page=2\"") && !first.contains("rel=\"prev\""))
            #expect(try await client.get("/?page=2").text.contains("/entry/same-b\""))
            #expect(try await client.get("/archive").text.contains("/entry/same-b-2\""))
            let feed = try await client.get("/feed")
            #expect(feed.headers[.contentType] == "application/atom+xml; charset=utf-8")
            #expect(feed.text.contains("<title>Same &amp; &lt;b&gt;</title>"))
            for path in ["/?page=3", "/?page=0", "/?page=99999999", "/entry/none", "/compose/99", "/pictures/none.png"]
            {
                #expect(try await client.get(path).status == .notFound, "\(path)")
            }
        }
    }

    @Test("who is not logged in, or sends a forged token or cookie, changes nothing", arguments: TestDepth.allCases)
    func forgery(depth: TestDepth) async throws {
        try await test(depth) { client in
            let token = try await create(client)
            #expect(try await publish(client, "2|00000000|00|0", title: "Forged").status == .forbidden)
            let mask = token.first == "1" ? "2" : "1"
            #expect(try await publish(client, mask + token.dropFirst(), title: "Forged").status == .forbidden)
            #expect(try await client.post("/compose", multipart: [.field("title", "Forged")]).status == .forbidden)

            let stranger = client.another()
            let own = try await self.token(stranger, "/auth/login")
            #expect(try await stranger.get("/compose").headers[.location] == "/auth/login?next=%2Fcompose")
            #expect(try await publish(stranger, own, title: "Forged").status == .forbidden)
            #expect(try await client.get("/").text.contains("There are no entries yet."))
        }
    }

    @Test("a wrong password is refused, a right one leads on, and never to another host", arguments: TestDepth.allCases)
    func login(depth: TestDepth) async throws {
        try await test(depth) { client in
            let token = try await create(client)
            #expect(try await client.post("/auth/logout", form: ["_xsrf": token]).status == .found)
            #expect(try await client.get("/compose").status == .found)
            func logIn(_ email: String, _ password: String, next: String) async throws -> TestResponse {
                try await client.post(
                    "/auth/login", form: ["_xsrf": token, "email": email, "password": password, "next": next])
            }
            for (email, password) in [("ann@example.com", "wrong"), ("ben@example.com", "correct horse"), ("", "")] {
                let response = try await logIn(email, password, next: "/compose")
                #expect(response.status == .forbidden)
                #expect(response.text.contains("The e-mail address or the password is wrong."))
            }
            #expect(
                try await logIn("Ann@Example.com", "correct horse", next: "/compose").headers[.location] == "/compose")
            #expect(try await client.get("/compose").status == .ok)
            for next in ["//evil.example", "https://evil.example", "/\\evil.example", ""] {
                #expect(try await logIn("ann@example.com", "correct horse", next: next).headers[.location] == "/")
            }
        }
    }

    @Test("a picture of another type, a form without a title and a body over the limit are refused")
    func refusals() async throws {
        try await test(.inProcess) { client in
            let token = try await create(client)
            let page = TestFormPart.file("picture", filename: "a.png", contentType: "image/png", Array("<html>".utf8))
            #expect(try await publish(client, token, title: "A", files: [page]).status == .unsupportedMediaType)
            let empty = try await publish(client, token, title: "")
            #expect(empty.status == .unprocessableContent)
            #expect(empty.text.contains("title must have 1 to 200 bytes"))
            let large = Self.picture + [UInt8](repeating: 0, count: 11 << 20)
            let picture = TestFormPart.file("picture", filename: "a.png", contentType: "image/png", large)
            #expect(try await publish(client, token, title: "A", files: [picture]).status == .contentTooLarge)
            #expect(try await client.get("/").text.contains("There are no entries yet."))
        }
    }
}
