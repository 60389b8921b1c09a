import Testing
import TwisterTesting

@Suite("Example: virtual time") struct ClockExample {
    @Test(arguments: TestDepth.allCases) func patienceIsRewarded(depth: TestDepth) async throws {
        var configuration = TestConfiguration()
        configuration.clock = .virtual
        try await makeApplication().test(depth, configuration: configuration) { client in
            async let response = client.get("/patient")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(3600))
            #expect(try await response.text == "3600")
        }
    }
}
