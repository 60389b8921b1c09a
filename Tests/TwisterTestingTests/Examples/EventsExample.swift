import HTTPTypes
import Testing
import TwisterTesting

@Suite("Example: events") struct EventsExample {
    @Test(arguments: TestDepth.allCases) func eventsArrive(depth: TestDepth) async throws {
        try await makeApplication().test(depth) { client in
            let response = try await client.stream(.get, "/events", query: ["count": "1"])
            var events: [String] = []
            for try await line in response.lines where line.hasPrefix("data: ") { events.append(line) }
            #expect(events == ["data: 1"])
        }
    }
}
