import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting
import TwisterWeb

private enum Color: String, PathValue {
    case red, green
}

@Suite("Arguments of other types than text") struct TypedArgumentTests {
    private func makeForm() throws -> Application {
        try Application([
            URLSpec(.post, "/body") { handler in
                let number = try handler.getBodyArgument("n", as: Int.self)
                let color = try handler.getBodyArgument("color", as: Color.self, default: .green)
                let ratio = try handler.getBodyArgument("ratio", as: Double.self, default: nil)
                return "\(number) \(color) \(ratio.map { "\($0)" } ?? "none")"
            },
            URLSpec(.get, "/query") { handler in
                let page = try handler.getQueryArgument("page", as: Int.self, default: nil)
                let size = try handler.getArgument("size", as: Int.self, default: nil)
                let optional = try handler.getArgument("page", as: Int?.self, default: nil)
                return "\(page ?? -1) \(size ?? -1) \(optional ?? -1)"
            },
        ])
    }

    @Test(
        "RH-14: an argument of a form is converted, and one of the query is not taken for it",
        arguments: TestDepth.allCases)
    func body(depth: TestDepth) async throws {
        try await makeForm().test(depth) { client in
            let response = try await client.post("/body", form: ["n": "7"])
            #expect(response.text == "7 green none")
            #expect(
                try await client.post("/body", form: ["n": "-7", "color": "red", "ratio": "0.5"]).text == "-7 red 0.5")
            #expect(try await client.post("/body", query: ["n": "7"], form: ["m": "1"]).status == .badRequest)
        }
    }

    @Test("RH-14: what does not convert is 400, with a default too", arguments: TestDepth.allCases)
    func nonsense(depth: TestDepth) async throws {
        try await makeForm().test(depth) { client in
            let forms: [KeyValuePairs] = [
                ["n": "x"], ["n": ""], ["n": "9223372036854775808"], ["n": "1", "color": "blue"],
                ["n": "1", "ratio": "half"],
            ]
            for form in forms {
                let response = try await client.post("/body", form: form)
                #expect(response.status == .badRequest, "\(form)")
            }
            #expect(try await client.get("/query", query: ["page": "x"]).status == .badRequest)
        }
    }

    @Test("RH-14: a default of nil makes a converted argument optional", arguments: TestDepth.allCases)
    func optional(depth: TestDepth) async throws {
        try await makeForm().test(depth) { client in
            let response = try await client.get("/query")
            #expect(response.text == "-1 -1 -1")
            #expect(try await client.get("/query", query: ["page": "2", "size": "3"]).text == "2 3 2")
        }
    }

    @Test("RH-14: a client is told what an argument has to be in words, without names of Swift types")
    func words() async throws {
        try await makeForm().test(.handler) { client in
            func detail(_ form: KeyValuePairs<String, String>) async throws -> String {
                let response = try await client.post(
                    "/body", headers: [.accept: "application/problem+json"], form: form)
                #expect(response.status == .badRequest)
                return response.text
            }
            #expect(try await detail(["n": "x"]).contains("n must be an integer"))
            #expect(try await detail(["n": "1", "ratio": "x"]).contains("ratio must be a number"))
            #expect(try await detail(["n": "1", "color": "blue"]).contains("color is not valid"))
            let optional = try await client.get(
                "/query", query: ["page": "x"], headers: [.accept: "application/problem+json"])
            #expect(optional.text.contains("page must be an integer"))
        }
    }

    @Test("RH-14: numbers are finite and decimal, as those of JSON, in paths too")
    func finite() async throws {
        let paths = try Application([URLSpec(.get, "/ratio/([^/]+)") { (_, ratio: Double) in "\(ratio)" }])
        try await makeForm().test(.handler) { form in
            try await paths.test(.handler) { path throws in
                for text in ["nan", "inf", "-infinity", "0x10", "0x1p4", "1e400", "-1e400"] {
                    #expect(
                        try await form.post("/body", form: ["n": "1", "ratio": text]).status == .badRequest, "\(text)")
                    #expect(try await path.get("/ratio/\(text)").status == .notFound, "\(text)")
                }
                #expect(try await form.post("/body", form: ["n": "1", "ratio": "-1.5e3"]).text == "1 green -1500.0")
                #expect(try await path.get("/ratio/-1.5e3").text == "-1500.0")
            }
        }
    }
}
