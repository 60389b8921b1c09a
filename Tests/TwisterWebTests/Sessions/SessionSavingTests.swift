import HTTPTypes
import Testing
import TwisterCodec
import TwisterTestSupport
import TwisterTesting

@testable import TwisterWeb

@Suite("When sessions are saved")
struct SessionSavingTests {
    @Test(
        "X-55: a client that has its response finds its session saved, however the response was finished",
        arguments: ["/redirect", "/finish", "/flush", "/error"])
    func savedBeforeResponse(path: String) async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            store.hold()
            async let response = client.post(path)
            try await eventually("the save is under way") { store.heldCount == 1 }
            #expect(try await client.requestsUnderWay == 1, "the response waits for the save")
            let name = String(path.dropFirst())
            store.release()
            let cookie = try #require(try await response.cookies.first).value
            let reader = client.another()
            let text = try await reader.get("/read", headers: fields(["Cookie": "session=\(cookie)"])).text
            #expect(text == (name == "flush" ? "late=kept,way=flush" : "way=\(name)"))
            switch path {
            case "/redirect": #expect(try await response.status == .found)
            case "/finish":
                let whole = try await response
                #expect(whole.text == "finished")
                // The handler has changed all of these after `finish`, while the response waited for the store.
                #expect(whole.status == .ok)
                #expect(whole.headers[.contentType] == "text/html; charset=utf-8")
                #expect(whole.headers[.location] == nil && whole.headers[named: "Link"] == nil)
                #expect(whole.cookies.map(\.name) == ["session"])
            case "/flush": #expect(try await response.text == "first last")
            default: #expect(try await response.status == .conflict)
            }
        }
    }

    @Test(
        "X-55: where the store fails, the client gets an error, and no cookie",
        arguments: ["/redirect", "/finish", "/flush", "/set/a/b"])
    func failingStore(path: String) async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            store.fail(true)
            let response = try await client.post(path)
            #expect(response.status == .internalServerError)
            #expect(response.headers[.setCookie] == nil)
            #expect(response.headers[.location] == nil)
            store.fail(false)
            #expect(try await client.post("/set/a/b").status == .ok)
            store.fail(true)
            #expect(try await client.get("/read").status == .internalServerError, "the session cannot be loaded")
            #expect(try await client.another().get("/read").status == .ok)
            store.fail(false)
        }
    }

    @Test("X-55: a value that cannot be encoded and a session that is too large are errors, and nothing is stored")
    func unfitValues() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            for path in ["/nan", "/large"] {
                let response = try await client.post(path)
                #expect(response.status == .internalServerError, "\(path)")
                #expect(response.headers[.setCookie] == nil)
            }
        }
        #expect(store.sessions.isEmpty)
    }

    @Test("X-55: a session that begins after the head was sent is an error: the response is cut")
    func lateSession() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            // The response was begun and cannot become an error: it is cut.
            await #expect(throws: (any Error).self) { () async throws in try await client.post("/late") }
            #expect(store.sessions.isEmpty)
        }
    }

    @Test("X-55: requests of one session that overlap change their own values only")
    func parallelRequests() async throws {
        for store in [SlowStore(), MemorySessionStore()] as [any SessionStore] {
            try await sessionApplication(Sessions(store: store)).testOnBothBackends(clock: .virtual) {
                client async throws in
                _ = try await client.post("/set/color/red")
                async let first = client.post("/slow/first")
                try await client.waitForRequests(1)
                try await client.advance(by: .seconds(5))
                async let second = client.post("/slow/second")
                try await client.waitForRequests(2)
                #expect(try await client.post("/set/color/blue").status == .ok)
                #expect(try await client.post("/remove/color").status == .ok)
                try await client.advance(by: .seconds(5))
                #expect(try await first.status == .ok)
                try await client.advance(by: .seconds(5))
                #expect(try await second.status == .ok)
                #expect(try await client.get("/read").text == "first=slow,second=slow")
            }
        }
    }

    @Test("X-55: where the store changes values under a lock, requests that end at the same moment lose nothing")
    func simultaneousEnds() async throws {
        try await sessionApplication(Sessions()).testOnBothBackends(clock: .virtual) { client async throws in
            _ = try await client.post("/set/color/red")
            async let first = client.post("/slow/first")
            async let second = client.post("/slow/second")
            try await client.waitForRequests(2)
            try await client.advance(by: .seconds(10))
            #expect(try await first.status == .ok)
            #expect(try await second.status == .ok)
            #expect(try await client.get("/read").text == "color=red,first=slow,second=slow")
        }
    }

    @Test("X-55: a session that was ended or rotated does not come back by a request that ends later")
    func noResurrection() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends(clock: .virtual) {
            client async throws in
            for path in ["/logout", "/login"] {
                let old = try #require(try await client.post("/set/color/red").cookies.first ?? nil).value
                let count = store.sessions.count
                async let slow = client.post("/slow/late")
                try await client.waitForRequests(1)
                _ = try await client.post(path)
                let cookie = client.cookies["session"]
                try await client.advance(by: .seconds(10))
                let response = try await slow
                #expect(response.status == .ok)
                #expect(response.headers[.setCookie] == nil, "the client keeps its newer cookie")
                #expect(client.cookies["session"] == cookie)
                #expect(store.sessions.count == (path == "/login" ? count : count - 1))
                let attacker = client.another()
                #expect(try await attacker.get("/read", headers: fields(["Cookie": "session=\(old)"])).text == "")
                client.cookies.removeAll()
            }
        }
    }

    @Test("X-55: a session that was ended while a request uses it is not begun anew by what the request stores later")
    func endedMeanwhile() async throws {
        let store = SlowStore()
        let application = try Application(
            [
                URLSpec(.post, "/login") { $0.session["user", as: String.self] = "ann" },
                URLSpec(.post, "/logout") { $0.session.destroy() },
                URLSpec(.post, "/twice") { handler in
                    try await handler.sleep(for: .seconds(10))
                    handler.session["first", as: String.self] = "1"
                    handler.write("first ")
                    try await handler.flush()
                    handler.session["second", as: String.self] = "2"
                    handler.write("last")
                },
            ], middleware: [Sessions(store: store)])
        try await application.testOnBothBackends(clock: .virtual) { client async throws in
            _ = try await client.post("/login")
            async let slow = client.post("/twice")
            try await client.waitForRequests(1)
            _ = try await client.post("/logout")
            try await client.advance(by: .seconds(10))
            let response = try await slow
            #expect(response.text == "first last" && response.headers[.setCookie] == nil)
            #expect(store.sessions.isEmpty)
            client.cookies.removeAll()
        }
    }

    @Test("X-55: users at the same time never get each other's session")
    func manyUsers() async throws {
        try await sessionApplication(Sessions()).testOnBothBackends { client async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for user in 0..<40 {
                    group.addTask {
                        let own = client.another()
                        let name = String(repeating: "u", count: user + 1)
                        for _ in 0..<5 {
                            _ = try await own.post("/set/name/\(name)")
                            #expect(try await own.get("/read").text == "name=\(name)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("X-55: a client that disconnects while its session is saved harms nobody")
    func disconnect() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            store.hold()
            let request = Task { try await client.post("/redirect") }
            try await eventually("the save is under way") { store.heldCount == 1 }
            request.cancel()
            _ = await request.result
            store.release()
            try await eventually("the request is over") { try await client.requestsUnderWay == 0 }
            #expect(try await client.get("/plain").text == "plain")
        }
    }
}
