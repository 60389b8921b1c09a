import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

@Suite("Validation of values within a value")
struct NestedValidationTests {
    private struct Order: Decodable, Validatable {
        struct Line: Decodable, Validatable {
            let text: String
            func validate() throws { try require(!text.isEmpty, "text", "must not be empty") }
        }
        struct Address: Decodable, Validatable {
            let city: String
            func validate() throws {
                if city.isEmpty { throw ValidationFailures([ValidationFailure("city", "must not be empty")]) }
                try require(city != "?", "", "is unknown")
            }
        }
        let lines: [Line]
        let address: Address

        func validate() throws {
            try require(lines, "lines")
            try require(address, "address")
        }
    }

    @Test("N-23: values within a value validate themselves, and their failures have the whole path")
    func nested() async throws {
        let application = try Application(
            [URLSpec(.post, "/") { try $0.decodeBody(Order.self).address.city }],
            settings: .init(prefersProblemDetails: true))
        try await application.test(.handler) { client throws in
            for (lines, city, path) in [
                ([["text": "a"], ["text": ""]], "x", "lines[1].text"), ([], "", "address.city"), ([], "?", "address"),
            ] as [([[String: String]], String, String)] {
                struct Sent: Encodable {
                    let lines: [[String: String]]
                    let address: [String: String]
                }
                let response = try await client.post("/", json: Sent(lines: lines, address: ["city": city]))
                #expect(response.status == .unprocessableContent)
                #expect(response.text.contains("\"path\":\"\(path)\""), "\(response.text)")
            }
        }
    }
}
