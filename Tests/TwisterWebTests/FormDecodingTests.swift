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
