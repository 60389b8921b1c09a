import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: values of requests")
struct InputRowsTests {
    private struct Author: Codable { var name: String }

    private struct Book: Codable, Validatable {
        var title: String
        var pages: Int
        var price: Double?
        var isNew: Bool?
        var tags: [String]
        var author: Author?

        func validate() throws {
            try require(!title.isEmpty, "title", "must not be empty")
            var failures: [ValidationFailure] = []
            if pages < 1 { failures.append(ValidationFailure("pages", "must be positive")) }
            if tags.count > 3 { failures.append(ValidationFailure("tags", "are too many")) }
            if !failures.isEmpty { throw ValidationFailures(failures) }
        }
    }

    private static let routes: [any Routes] = [
        URLSpec(.post, "/") { handler in
            let book: Book = try handler.decodeBody()
            return
                "\(book.title) \(book.pages) \(book.price ?? 0) \(book.isNew ?? false) \(book.tags.joined(separator: "+"))"
        },
        URLSpec(.get, "/") { handler in
            let book: Book = try handler.decodeQuery()
            return "\(book.title) \(book.pages) \(book.tags.count)"
        },
        URLSpec(.post, "/arguments") { handler in
            try "\(handler.getArgument("n", as: Int.self)) \(handler.getBodyArguments("n").count)"
        },
    ]

    private func problem(_ client: TestClient, _ body: String, _ type: String = "application/json") async throws
        -> TestResponse
    {
        try await client.post(
            "/", headers: [.contentType: type, .accept: "application/problem+json"], body: .text(body))
    }

    @Test("N-38: a body as a value: 415, 400, and 422 with the field's path", arguments: Setting.each)
    func decodeBody(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            let good = #"{"title":"T","pages":3,"tags":["a","b"]}"#
            #expect(try await problem(client, good).text == "T 3 0.0 false a+b")
            #expect(try await problem(client, good, "application/vnd.book+json; charset=utf-8").status == .ok)
            #expect(try await problem(client, good, "text/plain").status == .unsupportedMediaType)
            #expect(try await client.post("/", body: .text(good)).status == .unsupportedMediaType)
            for bad in ["", "{", #"{"title":"T","pages":3,"tags":["a"]"#, "\u{0}", "[1,", "nul"] {
                #expect(try await problem(client, bad).status == .badRequest, "\(bad)")
            }
            for (body, path) in [
                (#"{"pages":3,"tags":[]}"#, "title"), (#"{"title":"T","pages":"3","tags":[]}"#, "pages"),
                (#"{"title":"T","pages":3,"tags":["a",7]}"#, "tags[1]"),
                (#"{"title":"T","pages":3,"tags":[],"author":{}}"#, "author.name"),
                (#"{"title":null,"pages":3,"tags":[]}"#, "title"), (#"{"title":"","pages":3,"tags":[]}"#, "title"),
                (#"{"title":"T","pages":0,"tags":[]}"#, "pages"),
            ] {
                let response = try await problem(client, body)
                #expect(response.status == .unprocessableContent, "\(body)")
                #expect(response.headers[.contentType] == "application/problem+json")
                #expect(response.text.contains("\"\(path)\""), "\(body): \(response.text)")
            }
            let both = try await problem(client, #"{"title":"T","pages":0,"tags":["1","2","3","4"]}"#).text
            #expect(both.contains("\"pages\"") && both.contains("\"tags\""))
        }
    }

    @Test(
        "N-38: every part of a good body, and each of its bytes changed, gets a response and no 500",
        arguments: Setting.each)
    func hostileBody(setting: Setting) async throws {
        let good = Array(#"{"title":"T","pages":3,"price":1.5,"isNew":true,"tags":["a"],"author":{"name":"N"}}"#.utf8)
        try await withRoutes(setting, Self.routes) { client async throws in
            for place in good.indices {
                for bytes in [Array(good[..<place]), good.indices.map { $0 == place ? good[$0] ^ 0x11 : good[$0] }] {
                    let response = try await client.post(
                        "/", headers: [.contentType: "application/json"], body: .bytes(bytes))
                    #expect([200, 400, 422].contains(response.status.code))
                }
            }
        }
    }

    @Test("N-38, HU-9: forms and queries as values", arguments: Setting.each)
    func forms(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            let form = try await client.post(
                "/", form: ["title": "T x", "pages": "3", "price": "2.5", "isNew": "on", "tags": "a", "tags": "b"])
            #expect(form.text == "T x 3 2.5 true a+b")
            let bare = try await client.post("/", form: ["title": "T", "pages": "3"])
            #expect(bare.text == "T 3 0.0 false ")
            for fields: KeyValuePairs<String, String> in [
                ["pages": "3"], ["title": "T", "pages": "x"], ["title": "T", "pages": "3.5"],
                ["title": "T", "pages": "3", "isNew": "perhaps"], ["title": "T", "pages": "3", "author": "N"],
            ] {
                #expect(try await client.post("/", form: fields).status == .unprocessableContent, "\(fields)")
            }
            let parts = try await client.post(
                "/", multipart: [.field("title", "T"), .field("pages", "4"), .field("tags", "a")])
            #expect(parts.text == "T 4 0.0 false a")
            #expect(try await client.get("/", query: ["title": "Q", "pages": "9"]).text == "Q 9 0")
            #expect(try await client.get("/", query: ["title": "Q"]).status == .unprocessableContent)
        }
    }

    @Test("RH-14, N-24: arguments have a limit, and a number is a number", arguments: Setting.each)
    func arguments(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes, settings: .init(maxArguments: 4)) { client async throws in
            let type: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
            #expect(try await client.post("/arguments", headers: type, body: .text("n=1&n=2&n=3&n=4")).text == "4 4")
            #expect(
                try await client.post("/arguments", headers: type, body: .text("n=1&n=2&n=3&n=4&n=5")).status
                    == .badRequest)
            #expect(try await client.post("/arguments?a&b&c&d&n=5").status == .badRequest)
            #expect(try await client.post("/arguments?n=5").text == "5 0")
            for query in ["n=", "n=x", "n=1.0", "n=99999999999999999999", "m=1", "n=%ff"] {
                #expect(try await client.post("/arguments?\(query)").status == .badRequest, "\(query)")
            }
        }
    }
}
