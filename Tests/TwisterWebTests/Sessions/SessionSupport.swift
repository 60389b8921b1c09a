import HTTPTypes
import Synchronization
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

/// A clock that tests set, in seconds since 1970.
final class TestTime: Sendable {
    private let seconds = Atomic<Int64>(1_700_000_000)
    var now: Int64 { seconds.load(ordering: .relaxed) }
    func advance(by count: Int64) { seconds.add(count, ordering: .relaxed) }
}

/// A store whose calls take a while, can fail, and can be held up.
final class SlowStore: SessionStore {
    struct Failure: Error {}

    private struct State: Sendable {
        var sessions: [String: SessionData] = [:]
        var calls: [String] = []
        var fails = false
        var held: [CheckedContinuation<Void, Never>]?
    }

    private let state = ConditionLock(State())

    var calls: [String] { state.withLock { $0.calls } }
    var sessions: [String: SessionData] { state.withLock { $0.sessions } }
    func fail(_ fails: Bool) { state.withLock { $0.fails = fails } }
    /// Has all later writes wait.
    func hold() { state.withLock { $0.held = [] } }
    var heldCount: Int { state.withLock { $0.held?.count ?? 0 } }
    func release() {
        let held = state.withLock { state in
            defer { state.held = nil }
            return state.held ?? []
        }
        for waiter in held { waiter.resume() }
    }

    func load(_ id: String) async throws -> SessionData? {
        try await Task.detached {
            try self.state.withLock {
                try Self.note("load", &$0); return $0.sessions[id]
            }
        }.value
    }

    func save(_ id: String, _ data: SessionData) async throws {
        await wait()
        try state.withLock {
            try Self.note("save", &$0); $0.sessions[id] = data
        }
    }

    func delete(_ id: String) async throws {
        await wait()
        try state.withLock {
            try Self.note("delete", &$0); $0.sessions[id] = nil
        }
    }

    func update(_ id: String, _ changes: SessionChanges) async throws -> Bool {
        await wait()
        return try state.withLock { state in
            try Self.note("update", &state)
            guard state.sessions[id] != nil else { return false }
            state.sessions[id]?.apply(changes)
            return true
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                state.held?.append(continuation)
                return state.held != nil
            }
            if !isHeld { continuation.resume() }
        }
    }

    private static func note(_ call: String, _ state: inout State) throws {
        state.calls.append(call)
        if state.fails { throw Failure() }
    }
}

/// An application whose handlers use sessions in all the ways that there are.
func sessionApplication(_ sessions: Sessions) throws -> Application {
    let templates = try TemplateLibrary(templates: [
        "page.html": "{{#flashes}}[{{category}}: {{message}}]{{/flashes}}{{#flashes}}{{message}};{{/flashes}}",
        "plain.html": "plain",
    ])
    return try Application(
        [
            URLSpec(.get, "/plain") { handler in handler.write("plain") },
            URLSpec(.get, "/read") { handler in
                let pairs = handler.session.names.sorted().map { name in
                    "\(name)=\(handler.session[name, as: String.self] ?? "?")"
                }
                handler.write(pairs.joined(separator: ","))
            },
            URLSpec(.post, "/set/([a-z]+)/([a-z]+)") { (handler, name: String, value: String) in
                handler.session[name, as: String.self] = value
                handler.write("set")
            },
            URLSpec(.post, "/remove/([a-z]+)") { (handler, name: String) in
                handler.session[name, as: String.self] = nil
            },
            URLSpec(.post, "/redirect") { handler in
                handler.session["way", as: String.self] = "redirect"
                try handler.redirect("/read")
            },
            URLSpec(.post, "/finish") { handler in
                handler.session["way", as: String.self] = "finish"
                handler.finish("finished")
                handler.write("ignored")
                handler.setStatus(.internalServerError)
                handler.clearHeader(.contentType)
                try handler.setHeader(.location, "/elsewhere")
                try handler.addHeader("Link", "</late>")
                try handler.setCookie("late", "x")
                try await handler.sleep(for: .seconds(3_600))
            },
            URLSpec(.post, "/flush") { handler in
                handler.session["way", as: String.self] = "flush"
                handler.write("first")
                try await handler.flush()
                handler.session["late", as: String.self] = "kept"
                handler.write(" last")
            },
            URLSpec(.post, "/late") { handler in
                try await handler.flush()
                handler.session["late", as: String.self] = "lost"
            },
            URLSpec(.post, "/error") { handler in
                handler.session["way", as: String.self] = "error"
                throw HTTPError(.conflict)
            },
            URLSpec(.post, "/login") { handler in
                handler.session["user", as: String.self] = "ann"
                handler.session.rotate()
            },
            URLSpec(.post, "/logout") { handler in handler.session.destroy() },
            URLSpec(.post, "/restart") { handler in
                handler.session.destroy()
                handler.session["again", as: String.self] = "yes"
            },
            URLSpec(.post, "/slow/([a-z]+)") { (handler, name: String) in
                handler.session[name, as: String.self] = "slow"
                try await handler.sleep(for: .seconds(10))
            },
            URLSpec(.post, "/nan") { handler in handler.session["nan", as: Double.self] = .nan },
            URLSpec(.post, "/large") { handler in
                handler.session["large", as: String.self] = String(repeating: "x", count: 70_000)
            },
            URLSpec(.post, "/flash/([a-z]+)") { (handler, text: String) in
                handler.flash("<\(text)>", category: "note")
                try handler.redirect("/page")
            },
            URLSpec(.get, "/page") { handler in try handler.render("page.html") },
            URLSpec(.get, "/plain-page") { handler in try handler.render("plain.html") },
        ], middleware: [sessions], settings: ApplicationSettings(templates: templates))
}
