import HTTPTypes
import Testing
import TwisterCodec
import TwisterTesting

@testable import TwisterWeb

@Suite("Sessions")
struct SessionsTests {
    @Test("X-55: a session begins with its first value: before, there is no cookie and nothing in the store")
    func begin() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            #expect(try await client.get("/plain").headers[.setCookie] == nil)
            let empty = try await client.get("/read")
            #expect(empty.headers[.setCookie] == nil)
            #expect(empty.headers[.vary] == "Cookie", "the page depends on the session")
            #expect(try await client.get("/plain").headers[.vary] == nil)
            let known = store.calls.count
            let response = try await client.post("/set/color/red")
            let cookie = try #require(response.cookies.first)
            #expect(response.cookies.count == 1)
            #expect(cookie.name == "session" && cookie.isHTTPOnly && !cookie.isSecure && cookie.path == "/")
            #expect(cookie.sameSite == "Lax" && cookie.maxAge == 43_200 && cookie.domain == nil)
            #expect(response.headers[.cacheControl] == "private")
            #expect(Base64.url.decode(Array(cookie.value.utf8)[...])?.count == 32)
            #expect(store.sessions.keys.allSatisfy { $0 != cookie.value }, "the store does not know the cookie")
            #expect(store.calls.count == known + 1)
            let read = try await client.get("/read")
            #expect(read.text == "color=red")
            #expect(read.headers[.setCookie] == nil)
        }
    }

    @Test("X-55: a response with the session's cookie stays out of shared caches, whatever the handler says of them")
    func sharedCaches() async throws {
        let fields = [
            "public, max-age=60, S-MaxAge=600, immutable": "private, max-age=60, immutable",
            "no-store": "no-store", "max-age=5, private": "max-age=5, private",
        ]
        for (field, expected) in fields {
            let application = try Application(
                [
                    URLSpec(.post, "/") { handler in
                        handler.session["a", as: String.self] = "b"
                        try handler.setHeader(.cacheControl, field)
                    }
                ], middleware: [Sessions()])
            try await application.testOnBothBackends { client async throws in
                let response = try await client.post("/")
                #expect(response.cookies.count == 1)
                #expect(response.headers[.cacheControl] == expected)
            }
        }
    }

    @Test("X-55: over https the cookie is Secure, and bound to its host by its name")
    func secure() async throws {
        try await sessionApplication(Sessions()).testOnBothBackends { client async throws in
            let https = fields(["X-Scheme": "https"])
            let response = try await client.post("/set/color/red", headers: https)
            let cookie = try #require(response.cookies.first)
            #expect(cookie.name == "__Host-session" && cookie.isSecure && cookie.domain == nil && cookie.path == "/")
            #expect(try await client.get("/read", headers: https).text == "color=red")
            // The cookie of that name counts over https only, and another host could set the plain one.
            let plain = client.another()
            let smuggled = fields(["X-Scheme": "https", "Cookie": "session=\(cookie.value)"])
            #expect(try await plain.get("/read", headers: smuggled).text == "")
        }
    }

    @Test("X-55: a key that the server has not made is not taken over (session fixation), nor one that was changed")
    func tampering() async throws {
        try await sessionApplication(Sessions()).testOnBothBackends { client async throws in
            let cookie = try #require(try await client.post("/set/color/red").cookies.first).value
            let attacker = client.another()
            func read(_ value: String) async throws -> String {
                try await attacker.get("/read", headers: fields(["Cookie": "session=\(value)"])).text
            }
            #expect(try await read(cookie) == "color=red")
            let octets = Array(cookie.utf8)
            for index in octets.indices {
                for bit in 0..<7 {
                    var changed = octets
                    changed[index] ^= 1 << bit
                    #expect(try await read(String(decoding: changed, as: UTF8.self)) == "")
                }
                #expect(try await read(String(decoding: octets[..<index], as: UTF8.self)) == "")
            }
            #expect(try await read(String(repeating: "A", count: 4_000)) == "")
            let chosen = String(decoding: Base64.url.encode(Array(repeating: 7, count: 32)), as: UTF8.self)
            let response = try await attacker.post("/set/color/blue", headers: fields(["Cookie": "session=\(chosen)"]))
            let made = try #require(response.cookies.first).value
            #expect(made != chosen && made != cookie)
            #expect(try await read(chosen) == "")
        }
    }

    @Test("X-55: a login that rotates gives the session a new key, keeps its values, and makes the old key worthless")
    func rotation() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            let old = try #require(try await client.post("/set/color/red").cookies.first).value
            let count = store.sessions.count
            let new = try #require(try await client.post("/login").cookies.first).value
            #expect(new != old)
            #expect(store.sessions.count == count)
            #expect(try await client.get("/read").text == "color=red,user=ann")
            let attacker = client.another()
            #expect(try await attacker.get("/read", headers: fields(["Cookie": "session=\(old)"])).text == "")
        }
    }

    @Test("X-55: a logout that destroys the session removes it and the cookie; what is stored later begins a new one")
    func destruction() async throws {
        let store = SlowStore()
        try await sessionApplication(Sessions(store: store)).testOnBothBackends { client async throws in
            let count = store.sessions.count
            let old = try #require(try await client.post("/set/color/red").cookies.first).value
            let cookie = try #require(try await client.post("/logout").cookies.first)
            #expect(cookie.value == "" && cookie.maxAge == 0)
            #expect(store.sessions.count == count)
            let attacker = client.another()
            #expect(try await attacker.get("/read", headers: fields(["Cookie": "session=\(old)"])).text == "")
            _ = try await client.post("/set/color/red")
            let again = try #require(try await client.post("/restart").cookies.first).value
            #expect(again != old && !again.isEmpty)
            #expect(try await client.get("/read").text == "again=yes")
            #expect(try await client.another().post("/logout").headers[.setCookie] == nil)
        }
    }

    @Test("X-55: a session ends after its lifetime, and each request prolongs it")
    func lifetime() async throws {
        let time = TestTime()
        let store = MemorySessionStore(now: { time.now })
        let sessions = Sessions(store: store, lifetime: .seconds(1_000), now: { time.now })
        try await sessionApplication(sessions).testOnBothBackends { client async throws in
            _ = try await client.post("/set/color/red")
            // Before a tenth of the lifetime has passed, nothing is written.
            time.advance(by: 99)
            #expect(try await client.get("/read").headers[.setCookie] == nil)
            for _ in 0..<3 {
                time.advance(by: 800)
                let response = try await client.get("/read")
                #expect(response.text == "color=red")
                #expect(response.cookies.first?.maxAge == 1_000)
            }
            time.advance(by: 1_000)
            #expect(try await client.get("/read").text == "")
        }
    }

    @Test("X-55: without sliding, a session ends when it was to end from the beginning")
    func fixedLifetime() async throws {
        let time = TestTime()
        let store = MemorySessionStore(now: { time.now })
        let sessions = Sessions(store: store, lifetime: .seconds(1_000), sliding: false, now: { time.now })
        try await sessionApplication(sessions).testOnBothBackends { client async throws in
            _ = try await client.post("/set/color/red")
            time.advance(by: 999)
            #expect(try await client.post("/set/color/blue").headers[.setCookie] == nil)
            time.advance(by: 1)
            #expect(try await client.get("/read").text == "")
        }
    }

    @Test("X-55: values of other types, removed values, and typed keys")
    func values() {
        let session = Session(nil)
        session["count", as: Int.self] = 7
        #expect(session["count", as: Int.self] == 7)
        #expect(session["count", as: String.self] == nil)
        session[SessionKey<[String: [Int]]>("map")] = ["a": [1, 2]]
        #expect(session[SessionKey<[String: [Int]]>("map")] == ["a": [1, 2]])
        #expect(session.names == ["count", "map"])
        session["count", as: Int.self] = nil
        session[SessionKey<[String: [Int]]>("map")] = nil
        #expect(session.isEmpty)
    }

    @Test("X-55: without the middleware a handler's session is empty, and the request is served")
    func withoutMiddleware() async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                handler.session["a", as: Int.self] = 1
                handler.flash("lost")
                handler.write("\(handler.session["a", as: Int.self] ?? 0)")
            }
        ])
        try await application.testOnBothBackends { client async throws in
            let response = try await client.get("/")
            #expect(response.text == "1")
            #expect(response.headers[.setCookie] == nil)
        }
    }

    @Test("X-55: a flash message is shown once, by the next page that takes it")
    func flashes() async throws {
        try await sessionApplication(Sessions()).testOnBothBackends { client async throws in
            #expect(try await client.get("/page").text == "")
            #expect(try await client.post("/flash/saved").status == .found)
            _ = try await client.post("/flash/again")
            #expect(try await client.get("/plain-page").text == "plain")
            let page = try await client.get("/page").text
            #expect(
                page == "[note: &lt;saved&gt;][note: &lt;again&gt;]&lt;saved&gt;;&lt;again&gt;;",
                "a template may name the messages twice")
            #expect(try await client.get("/page").text == "")
            for _ in 0..<30 { _ = try await client.post("/flash/many") }
            #expect(try await client.get("/page").text.split(separator: "note").count == 21, "at most 20 wait")
        }
    }
}
