import FoundationEssentials
import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

/// Values that are made of the arguments of a form or a query.
@Suite("Values of forms") struct FormDecodingTests {
    private enum Size: Int, Decodable { case small = 1, large }
    private enum Color: String, Decodable { case red }

    private struct Optionals: Decodable {
        let email: String
        let nickname: String?
        let age: Int?
        let ratio: Double?
        let short: Float?
        let port: UInt16?
        let size: Size?
        let color: Color?
        let list: [Int]?
        let isOpen: Bool?
    }

    private struct Numbers: Decodable {
        let age: Int
    }

    private struct Ratios: Decodable {
        let ratio: Double?
        let short: Float?
    }

    private func application() throws -> Application {
        @Sendable func text(_ value: Optionals) -> String {
            func text<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "nil" }
            return "\(value.email)|\(text(value.nickname))|\(text(value.age))|\(text(value.ratio))|\(text(value.short))"
                + "|\(text(value.port))|\(text(value.size))|\(text(value.color))|\(text(value.list))"
                + "|\(text(value.isOpen))"
        }
        return try Application([
            URLSpec(.post, "/optionals") { text(try $0.decodeBody(Optionals.self)) },
            URLSpec(.get, "/optionals") { text(try $0.decodeQuery(Optionals.self)) },
            URLSpec(.post, "/numbers") { "\(try $0.decodeBody(Numbers.self).age)" },
            URLSpec(.post, "/lists") { "\(try $0.decodeBody([String: [Int?]].self)["n"] ?? [])" },
            URLSpec(.post, "/dictionary") { handler in
                let values = try handler.decodeBody([String: Int?].self)
                return values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value ?? -1)" }.joined(separator: " ")
            },
            URLSpec(.post, "/ratios") { handler in
                let value = try handler.decodeBody(Ratios.self)
                return "\(value.ratio ?? -1) \(value.short ?? -1)"
            },
        ])
    }

    private struct Foreign: Codable, Equatable {
        let when: Date
        let home: URL
        let price: Decimal
        let key: Data
        let until: Date?
    }

    @Test("RH-51: dates, URLs, decimals and data of a form are read as those of JSON")
    func foreign() async throws {
        let fields: KeyValuePairs = [
            "when": "2026-01-02T03:04:05Z", "home": "https://a.example/b", "price": "1.10", "key": "YQ==", "until": "",
        ]
        let value = Foreign(
            when: Date(timeIntervalSince1970: 1_767_323_045), home: try #require(URL(string: "https://a.example/b")),
            price: Decimal(11) / 10, key: Data("a".utf8), until: nil)
        let routes: [any Routes] = [
            URLSpec(.post, "/") { try $0.decodeBody(Foreign.self) },
            URLSpec(.get, "/") { try $0.decodeQuery(Foreign.self) },
        ]
        try await Application(routes, settings: .init(prefersProblemDetails: true)).test(.handler) { client throws in
            #expect(try await client.post("/", form: fields).decode(Foreign.self) == value)
            #expect(try await client.get("/", query: fields).decode(Foreign.self) == value)
            #expect(try await client.post("/", json: value).decode(Foreign.self) == value)
            for (name, wrong, type) in [
                ("when", "tomorrow", "a date"), ("when", "1", "a date"), ("price", "much", "a number"),
                ("key", "?", "text in Base64"),
            ] {
                let all = fields.map { $0.key == name ? (name, wrong) : ($0.key, $0.value) }
                let body = all.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
                let response = try await client.post(
                    "/", headers: [.contentType: "application/x-www-form-urlencoded"], body: .text(body))
                #expect(response.status == .unprocessableContent)
                #expect(
                    response.text.contains("\"path\":\"\(name)\",\"message\":\"must be \(type)\""), "\(response.text)")
            }
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        try await Application(routes, settings: .init(jsonDecoder: decoder)).test(.handler) { client throws in
            let seconds: KeyValuePairs = ["when": "1767323045", "home": "a", "price": "2", "key": ""]
            let read = try await client.post("/", form: seconds).decode(Foreign.self)
            #expect(read.when == value.when && read.price == 2 && read.key.isEmpty)
        }
    }

    @Test("N-23: the path of a date in JSON that is none, with or without a fraction of the second")
    func dates() async throws {
        struct Dates: Decodable { let list: [Date] }
        let routes: [any Routes] = [
            URLSpec(.post, "/") { try $0.decodeBody(Dates.self).list.map(\.timeIntervalSince1970) }
        ]
        try await Application(routes, settings: .init(prefersProblemDetails: true)).test(.handler) { client throws in
            let good = try await client.post("/", json: ["list": ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.500Z"]])
            #expect(good.text == "[1.0,1.5]" || good.text == "[1,1.5]", "\(good.text)")
            let bad = try await client.post("/", json: ["list": ["1970-01-01T00:00:01Z", "1970-01-01"]])
            #expect(bad.status == .unprocessableContent && bad.text.contains("\"path\":\"list[1]\""), "\(bad.text)")
        }
    }

    /// Any JSON. It tries a list of itself first.
    private indirect enum AnyJSON: Decodable, CustomStringConvertible {
        case list([AnyJSON])
        case object([String: AnyJSON])
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try? decoder.singleValueContainer()
            if let list = try? container?.decode([AnyJSON].self) {
                self = .list(list)
            } else if let object = try? container?.decode([String: AnyJSON].self) {
                self = .object(object)
            } else if let container {
                self = .text(try container.decode(String.self))
            } else {
                self = .object(try [String: AnyJSON](from: decoder))
            }
        }

        var description: String {
            switch self {
            case .list(let list): "\(list)"
            case .object(let object): "{\(object.map { "\($0): \($1)" }.sorted().joined(separator: ", "))}"
            case .text(let text): text
            }
        }
    }

    @Test("RH-51: a value of a list is no list itself, also for a type that tries one first")
    func lists() async throws {
        let routes: [any Routes] = [
            URLSpec(.post, "/any") { "\(try $0.decodeBody(AnyJSON.self))" },
            URLSpec(.get, "/any") { "\(try $0.decodeQuery(AnyJSON.self))" },
            URLSpec(.post, "/lists") { "\(try $0.decodeBody([String: [[Int]]].self))" },
        ]
        try await Application(routes).test(.handler) { client throws in
            let fields: KeyValuePairs = ["a": "1", "b": "2", "b": "x", "c": ""]
            #expect(try await client.post("/any", form: fields).text == "{a: [1], b: [2, x], c: []}")
            #expect(try await client.get("/any", query: fields).text == "{a: [1], b: [2, x], c: []}")
            #expect(try await client.post("/lists", form: ["a": "1"]).status == .unprocessableContent)
        }
    }

    private final class StreamedHandler: RequestHandler {
        override class var requestBody: RequestBodyMode { .streamed }
        override func post() async throws { write("\(try decodeBody(Numbers.self).age)") }
    }

    @Test("RH-51: decodeBody of a streamed body is the handler's mistake, and not the client's")
    func streamed() async throws {
        try await Application([URLSpec("/", StreamedHandler.self)]).test(.handler) { client throws in
            #expect(try await client.post("/", json: ["age": 1]).status == .internalServerError)
        }
    }

    private final class StreamedForm: RequestHandler {
        override class var requestBody: RequestBodyMode { .streamed }
        override func post() async throws {
            for try await part in try multipart(limits: MultipartLimits(fields: 1)) { write(try await part.text()) }
        }
    }

    @Test("N-23: a form that is refused says why")
    func refusedForm() async throws {
        let settings = ApplicationSettings(prefersProblemDetails: true)
        try await Application([URLSpec("/", StreamedForm.self)], settings: settings).test(.handler) { client throws in
            let response = try await client.post("/", multipart: [.field("a", "1"), .field("b", "2")])
            #expect(response.status == .contentTooLarge)
            #expect(response.text.contains("\"detail\":\"more than 1 fields\""), "\(response.text)")
        }
    }

    @Test("RH-51: browsers send inputs that are empty: optional values are missing, and texts are empty")
    func empty() async throws {
        let fields: KeyValuePairs = [
            "email": "a", "nickname": "", "age": "", "ratio": "", "short": "", "port": "", "size": "", "color": "",
            "list": "", "isOpen": "",
        ]
        try await application().test(.handler) { client throws in
            let expected = "a||nil|nil|nil|nil|nil|nil|nil|false"
            #expect(try await client.post("/optionals", form: fields).text == expected)
            #expect(try await client.get("/optionals", query: fields).text == expected)
            #expect(
                try await client.post("/optionals", form: ["email": "a"]).text == "a"
                    + String(repeating: "|nil", count: 9))
            #expect(
                try await client.post(
                    "/optionals", form: ["email": "", "age": "7", "size": "2", "list": "1", "list": "2"]
                ).text
                    == "|nil|7|nil|nil|nil|large|nil|[1, 2]|nil")
            #expect(try await client.post("/dictionary", form: ["a": "", "b": "2"]).text == "a -1 b 2")
            #expect(
                try await client.post("/lists", form: ["n": "1", "n": "", "n": "3"]).text
                    == "[Optional(1), nil, Optional(3)]")
        }
    }

    @Test("RH-51: a value that is wanted, and one that is no number, stay errors")
    func refused() async throws {
        try await application().test(.handler) { client throws in
            for text in ["", "x", " "] {
                let response = try await client.post("/numbers", form: ["age": text])
                #expect(response.status == .unprocessableContent)
                #expect(response.text.contains("age must be an integer"))
            }
            let fields: [KeyValuePairs] = [
                ["age": "x"], ["age": " "], ["size": "3"], ["color": "blue"], ["list": "1", "list": ""],
            ]
            for field in fields {
                let response = try await client.post(
                    "/optionals", query: [:],
                    form: field.first?.key == "list"
                        ? ["email": "a", "list": "1", "list": ""]
                        : ["email": "a", field.first?.key ?? "": field.first?.value ?? ""])
                #expect(response.status == .unprocessableContent, "\(field)")
            }
        }
    }

    @Test("RH-51: numbers are finite and decimal, as those of JSON")
    func numbers() async throws {
        try await application().test(.handler) { client throws in
            for text in ["nan", "inf", "-inf", "infinity", "NaN", "0x10", "0x1p4", "1e400", "-1e400", "1,5", "1_0"] {
                #expect(
                    try await client.post("/ratios", form: ["ratio": text]).status == .unprocessableContent, "\(text)")
                #expect(
                    try await client.post("/ratios", form: ["short": text]).status == .unprocessableContent, "\(text)")
            }
            #expect(try await client.post("/ratios", form: ["short": "1e39"]).status == .unprocessableContent)
            #expect(try await client.post("/ratios", form: ["ratio": "1e39", "short": "-.5E+1"]).text == "1e+39 -5.0")
        }
    }
}
