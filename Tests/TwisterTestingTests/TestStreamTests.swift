import HTTPTypes
import Testing
import TwisterIO
import TwisterTesting

@Suite("TestClient: streams, disconnects, time limits")
struct TestStreamTests {
    @Test("X-76, N-53: server-sent events arrive one by one, as the clock advances", arguments: Setting.all)
    func events(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            let response = try await client.stream(.get, "/events")
            #expect(response.headers[.contentType] == "text/event-stream")
            var lines = response.lines.makeAsyncIterator()
            for number in 1...3 {
                #expect(try await lines.next() == "data: \(number)")
                #expect(try await lines.next()?.isEmpty == true)
                if number < 3 { try await client.advance(by: .seconds(1)) }
            }
            try await client.advance(by: .zero)
            #expect(try await lines.next() == nil)
            #expect(try await lines.next() == nil)
        }
    }

    @Test("X-76: a slow reader holds its handler up, and a client that disconnects ends it", arguments: Setting.all)
    func disconnect(setting: Setting) async throws {
        let notes = Notebook()
        try await makeApplication(notes).test(setting.depth, configuration: setting.configuration()) { client in
            let response = try await client.stream(.get, "/flood")
            var size = 0
            for try await piece in response {
                size += piece.count
                if size > 1_000_000 { break }
            }
            response.cancel()
            while try await client.requestsUnderWay > 0 { await Task.yield() }
            #expect(notes.all.contains("closed"))
            #expect(notes.all.contains("stopped"))
        }
    }

    @Test("X-76: a task that is cancelled disconnects", arguments: Setting.all)
    func cancellation(setting: Setting) async throws {
        let notes = Notebook()
        try await makeApplication(notes).test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            let task = Task { try await client.get("/patient") }
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(1))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            while try await client.requestsUnderWay > 0 { await Task.yield() }
            #expect(notes.all == ["cancelled"])
        }
    }

    @Test("X-76: a response that does not come in time is an error that names the request", arguments: Setting.all)
    func timeout(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            var hasty = client
            hasty.timeout = .milliseconds(50)
            await #expect(throws: TestClientError.timedOut(request: "GET /patient", after: .milliseconds(50))) {
                try await hasty.get("/patient")
            }
        }
    }

    @Test("X-76: the end of a test ends its handlers and its server, also when the test fails", arguments: Setting.all)
    func end(setting: Setting) async throws {
        let notes = Notebook()
        var kept: TestClient?
        await #expect(throws: Todo.Failure.self) {
            try await makeApplication(notes).test(setting.depth, configuration: setting.configuration(.virtual)) {
                client in
                kept = client
                let waiting = Task { try await client.get("/patient") }
                try await client.waitForRequests(1)
                try await client.advance(by: .seconds(1))
                _ = waiting
                throw Todo.Failure()
            }
        }
        #expect(notes.all == ["cancelled"])
        let client = try #require(kept)
        await #expect(throws: TestClientError.ended) { try await client.get("/echo") }
        await #expect(throws: TestClientError.ended) { try await client.advance(by: .seconds(1)) }
    }
}
