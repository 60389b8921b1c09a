import HTTPTypes
import Testing
import TwisterTesting

@testable import TwisterTodos

@Suite("Example: Todos") struct TodosTests {
    private static let users = ["secret": "ann", "other": "ben"]

    private func test(_ depth: TestDepth, _ body: (TestClient) async throws -> Void) async throws {
        try await makeApplication(users: Self.users).test(depth, body)
    }

    @Test("a todo is added, found, changed and removed", arguments: TestDepth.allCases)
    func course(depth: TestDepth) async throws {
        try await test(depth) { client in
            let added = try await client.post("/todos", json: ["title": "milk"], bearer: "secret")
            #expect(added.status == .created)
            let todo = try added.decode(Todo.self)
            #expect(todo == Todo(id: todo.id, title: "milk"))
            let path = try #require(added.headers[.location])
            #expect(try await client.get(path, bearer: "secret").decode(Todo.self) == todo)

            let changed = try await client.patch(path, json: ["done": true], bearer: "secret")
            #expect(try changed.decode(Todo.self) == Todo(id: todo.id, title: "milk", done: true))
            #expect(try await client.delete(path, bearer: "secret").status == .noContent)
            #expect(try await client.get(path, bearer: "secret").status == .notFound)
            #expect(try await client.delete(path, bearer: "secret").status == .notFound)
        }
    }

    @Test("a request without a good token gets 401 and learns how to log in", arguments: TestDepth.allCases)
    func tokens(depth: TestDepth) async throws {
        try await test(depth) { client in
            for bearer in [nil, "wrong", "secre"] {
                let response = try await client.get("/todos", bearer: bearer)
                #expect(response.status == .unauthorized)
                #expect(response.headers[.wwwAuthenticate]?.hasPrefix("Bearer realm=\"todos\"") == true)
            }
            #expect(try await client.get("/todos", bearer: "secret secret").status == .badRequest)
            #expect(try await client.get("/todos", basic: (user: "ann", password: "secret")).status == .unauthorized)
        }
    }

    @Test("pages of the listed origins may call the API, others may not", arguments: TestDepth.allCases)
    func origins(depth: TestDepth) async throws {
        let origin = "https://app.example.com"
        try await makeApplication(users: Self.users, origins: [origin]).test(depth) { client in
            let preflight: HTTPFields = [.origin: origin, .accessControlRequestMethod: "POST"]
            let allowed = try await client.options("/todos", headers: preflight)
            #expect(allowed.status == .noContent)
            #expect(allowed.headers[.accessControlAllowOrigin] == origin)
            let response = try await client.get("/todos", headers: [.origin: origin], bearer: "secret")
            #expect(response.headers[.accessControlAllowOrigin] == origin)
            let other = try await client.get("/todos", headers: [.origin: "https://evil.example"], bearer: "secret")
            #expect(other.headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test("a user neither sees nor changes the todos of another one", arguments: TestDepth.allCases)
    func users(depth: TestDepth) async throws {
        try await test(depth) { client in
            let added = try await client.post("/todos", json: ["title": "diary"], bearer: "secret")
            let path = try #require(added.headers[.location])
            #expect(try await client.get(path, bearer: "other").status == .notFound)
            #expect(try await client.patch(path, json: ["title": "x"], bearer: "other").status == .notFound)
            #expect(try await client.delete(path, bearer: "other").status == .notFound)
            #expect(try await client.get("/todos", bearer: "other").decode(Page.self).total == 0)
            #expect(try await client.get(path, bearer: "secret").decode(Todo.self).title == "diary")
        }
    }

    @Test("pages are cut from the list, and a page behind its end is empty", arguments: TestDepth.allCases)
    func pages(depth: TestDepth) async throws {
        try await test(depth) { client in
            for number in 1...5 { _ = try await client.post("/todos", json: ["title": "\(number)"], bearer: "secret") }
            func titles(_ page: String) async throws -> [String] {
                let response = try await client.get("/todos", query: ["page": page, "size": "2"], bearer: "secret")
                let page = try response.decode(Page.self)
                #expect(page.total == 5)
                return page.todos.map(\.title)
            }
            #expect(try await titles("1") == ["1", "2"])
            #expect(try await titles("3") == ["5"])
            #expect(try await titles("1000000") == [])
        }
    }

    @Test("a value that is not as it has to be gets 422 with its name", arguments: TestDepth.allCases)
    func mistakes(depth: TestDepth) async throws {
        struct Problem: Decodable {
            let status: Int
            let detail: String
        }
        try await test(depth) { client in
            let long = String(repeating: "x", count: 201)
            for title in ["", long] {
                let response = try await client.post("/todos", json: ["title": title], bearer: "secret")
                #expect(response.status == .unprocessableContent)
                #expect(response.headers[.contentType]?.hasPrefix("application/problem+json") == true)
                #expect(try response.decode(Problem.self).detail.hasPrefix("title must not be "))
            }
            let missing = try await client.post("/todos", json: ["name": "milk"], bearer: "secret")
            #expect(try missing.decode(Problem.self).detail == "title is missing")
            for query in [["page": "0"], ["page": "-1"], ["size": "101"], ["page": "x"]] {
                let (name, value) = try #require(query.first)
                let response = try await client.get("/todos", query: [name: value], bearer: "secret")
                #expect(response.status == .unprocessableContent, "\(query)")
            }
            let cut = try await client.post(
                "/todos", headers: [.contentType: "application/json"], body: "{\"title\":", bearer: "secret")
            #expect(cut.status == .badRequest)
            let text = try await client.post(
                "/todos", headers: [.contentType: "text/plain"], body: "milk", bearer: "secret")
            #expect(text.status == .unsupportedMediaType)
            let form = try await client.post("/todos", form: ["title": "milk"], bearer: "secret")
            #expect(form.status == .unsupportedMediaType)
            let page = try await client.get("/todos", headers: [.accept: "text/html"], bearer: "secret")
            #expect(page.status == .notAcceptable)
        }
    }

    @Test("a body over the limit gets 413, and a method that is not served 405", arguments: TestDepth.allCases)
    func limits(depth: TestDepth) async throws {
        try await test(depth) { client in
            let title = String(repeating: "x", count: 20_000)
            #expect(
                try await client.post("/todos", json: ["title": title], bearer: "secret").status == .contentTooLarge)
            let refused = try await client.put("/todos/1", json: ["title": "x"], bearer: "secret")
            #expect(refused.status == .methodNotAllowed)
            #expect(refused.headers[.allow]?.contains("PATCH") == true)
            #expect(try await client.get("/todos/99999999999999999999", bearer: "secret").status == .notFound)
        }
    }
}
