import HTTPTypes
import Testing
import TwisterTesting

@Suite("Example: todos") struct TodoExample {
    @Test(arguments: TestDepth.allCases) func todoIsCreated(depth: TestDepth) async throws {
        try await makeApplication().test(depth) { client in
            let response = try await client.post("/todos", json: ["title": "milk"], bearer: "secret")
            #expect(response.status == .created)
            #expect(try response.decode(Todo.self).title == "milk")
            let refused = try await client.post("/todos", json: ["title": ""], bearer: "secret")
            #expect(refused.status == .unprocessableContent)
        }
    }
}
