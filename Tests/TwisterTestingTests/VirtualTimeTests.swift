import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting
import TwisterWeb

@Suite("Virtual time")
struct VirtualTimeTests {
    @Test("N-53: a wait of an hour takes milliseconds", arguments: Setting.all)
    func hour(setting: Setting) async throws {
        let start = ContinuousClock.now
        try await makeApplication().test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            async let response = client.get("/patient")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(3600))
            #expect(try await response.text == "3600")
        }
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test("N-53: timers that start timers run at their own times on the way", arguments: Setting.all)
    func steps(setting: Setting) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                let start = handler.loop.time()
                var times: [Int64] = []
                for _ in 0..<5 {
                    try await handler.sleep(for: .seconds(700))
                    times.append(start.duration(to: handler.loop.time()).components.seconds)
                }
                handler.write("\(times)")
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            async let response = client.get("/")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(3600))
            #expect(try await response.text == "[700, 1400, 2100, 2800, 3500]")
        }
    }

    @Test(
        "N-53: the server's deadlines follow the clock: a client that takes nothing is cut off after `writeStallTimeout`",
        arguments: Setting.all.filter { $0.depth != .handler })
    func deadlines(setting: Setting) async throws {
        let notes = Notebook()
        let start = ContinuousClock.now
        try await makeApplication(notes).test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            let response = try await client.stream(.get, "/flood")
            while try await client.requestsUnderWay > 0 {
                #expect(ContinuousClock.now - start < .seconds(60))
                try await client.advance(by: .seconds(10))
            }
            #expect(notes.all.contains("closed"))
            _ = response
        }
    }

    @Test(
        "N-53: sessions, signed and encrypted values, and stored values become old as the clock is advanced",
        arguments: Setting.all)
    func ages(setting: Setting) async throws {
        let values = MemoryKeyValueStore()
        let application = try Application(
            [
                URLSpec(.get, "/begin") { handler in
                    handler.session["user"] = "ada"
                    try await values.set("key", to: "value", expiresIn: .seconds(600))
                    let signed = try handler.createSignedValue("signed", "s")
                    handler.write(signed)
                },
                URLSpec(.get, "/ages") { handler in
                    let signed = try handler.getSignedCookie(
                        "signed", value: handler.getQueryArgument("signed"), maxAgeDays: 600 / 86_400)
                    let user: String? = handler.session["user"]
                    let stored: String? = try await values.get("key")
                    handler.write("\(user ?? "none") \(stored ?? "none") \(signed ?? "none")")
                },
            ], middleware: [Sessions(lifetime: .seconds(600))],
            settings: ApplicationSettings(cookieSecret: "a secret of thirty-two octets, or more"))
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) { client in
            let begun = try await client.get("/begin")
            let cookie = try #require(begun.headers[.setCookie]?.split(separator: ";").first.map(String.init))
            client.cookies.removeAll()
            let path = urlConcat("/ages", [("signed", begun.text)])
            try await client.advance(by: .seconds(500))
            #expect(try await client.get(path, headers: [.cookie: cookie]).text == "ada value s")
            client.cookies.removeAll()
            // The access a moment ago has made the session last longer.
            try await client.advance(by: .seconds(150))
            #expect(try await client.get(path, headers: [.cookie: cookie]).text == "ada none none")
            client.cookies.removeAll()
            try await client.advance(by: .seconds(1_300))
            #expect(try await client.get(path, headers: [.cookie: cookie]).text == "none none none")
        }
    }

    @Test("N-53: the real clock cannot be advanced", arguments: TestDepth.allCases)
    func real(depth: TestDepth) async throws {
        try await makeApplication().test(depth) { client in
            await #expect(throws: TestClientError.clockIsReal) { try await client.advance(by: .seconds(1)) }
        }
    }

    @Test("N-53: no advance is too long, and none goes back", arguments: TestDepth.allCases)
    func extremes(depth: TestDepth) async throws {
        var configuration = TestConfiguration()
        configuration.clock = .virtual
        try await makeApplication().test(depth, configuration: configuration) { client in
            try await client.advance(by: .seconds(-5))
            try await client.advance(by: .seconds(Int64.max))
            try await client.advance(by: .seconds(Int64.max))
            try await client.advance(by: .seconds(Int64.max))
        }
    }
}
