import HTTPTypes
import Testing
import TwisterCompression
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterTesting

@testable import TwisterWeb

/// A long response is compressed in several turns of the loop, so that other connections are served meanwhile.
@Suite("Long compressed responses")
struct LongResponseTests {
    /// A megabyte of text that does not compress too well.
    private static let text = (0..<170_000).map { String($0 &* 7919 % 100_003) }.joined(separator: " ")

    /// Long enough to wait for others.
    private static let part = String(text.prefix(100_000))

    /// Finishes by itself, and notes how many turns of the loop passed until its response was complete.
    private final class Finishing: RequestHandler {
        private let notes: Notes
        private var before = 0
        private var turns: Int { loop.counts.turns.current }

        init(_ context: HandlerContext, _ notes: Notes) {
            self.notes = notes
            super.init(context)
        }
        required init(_ context: HandlerContext) {
            notes = Notes()
            super.init(context)
        }

        override func get() async throws {
            if request.query == "session" { session["visits"] = "1" }
            before = turns
            finish(LongResponseTests.text)
            if request.query == "throws" { throw HTTPError(.internalServerError) }
        }

        override func onFinish() { notes.note("\(turns - before)") }
    }

    private func inflated(_ response: TestResponse) throws -> String {
        guard response.headers[.contentEncoding] == "gzip" else { throw TestFailure("the response is not compressed") }
        var bytes: [UInt8] = []
        let inflater = try Inflater(.gzip, limit: .max, maxRatio: 0)
        try response.body.withUnsafeBytes { try inflater.inflate($0) { bytes += $0 } }
        try inflater.finish()
        return String(decoding: bytes, as: UTF8.self)
    }

    private func routes(_ notes: Notes) -> [any Routes] {
        [
            URLSpec("/finish") { Finishing($0, notes) }, URLSpec(.get, "/value") { _ in Self.text },
            URLSpec(.get, "/write") { handler in
                handler.write(Self.text)
                handler.write(" and more")
            },
            URLSpec(.get, "/part") { _ in Self.part },
            URLSpec(.get, "/visits") { handler in handler.session["visits"] ?? "none" },
            URLSpec(.get, "/fails") { handler in
                handler.write(Self.text)
                throw HTTPError(.conflict)
            },
        ]
    }

    private let gzip: HTTPFields = [.acceptEncoding: "gzip"]

    @Test("SET-4: a long response is whole, however the handler ends it", arguments: Setting.each)
    func whole(setting: Setting) async throws {
        let notes = Notes()
        try await withRoutes(setting, routes(notes), middleware: [Compression()]) { client async throws in
            #expect(try inflated(try await client.get("/value", headers: gzip)) == Self.text)
            #expect(try inflated(try await client.get("/write", headers: gzip)) == Self.text + " and more")
            for query in ["", "?throws"] {
                #expect(try inflated(try await client.get("/finish\(query)", headers: gzip)) == Self.text)
            }
            #expect(try await client.get("/fails", headers: gzip).status == .conflict)
            #expect(try await client.get("/finish").text == Self.text)
            try await notes.wait(for: 3)
            let turns = notes.all.compactMap { Int($0) }
            #expect(turns[0] > 50 && turns[1] > 50, "\(turns)")
        }
    }

    @Test("SET-4: a session that has changed is saved, in either order of the middleware", arguments: Setting.each)
    func sessions(setting: Setting) async throws {
        for order in 0..<2 {
            let sessions: [any Middleware] = order == 0 ? [Compression(), Sessions()] : [Sessions(), Compression()]
            try await withRoutes(setting, routes(Notes()), middleware: sessions) { client async throws in
                let response = try await client.get("/finish?session", headers: gzip)
                #expect(try inflated(response) == Self.text)
                #expect(try await client.get("/visits").text == "1")
            }
        }
    }

    /// Has no room for sessions.
    private struct FullStore: SessionStore {
        struct Full: Error {}
        func load(_ id: String) async throws -> SessionData? { nil }
        func save(_ id: String, _ data: SessionData) async throws { throw Full() }
        func delete(_ id: String) async throws {}
        func update(_ id: String, _ changes: SessionChanges) async throws -> Bool { throw Full() }
    }

    @Test("SET-4: a response whose session cannot be saved is an error, however long it is", arguments: Setting.each)
    func failingStore(setting: Setting) async throws {
        for order in 0..<2 {
            let sessions = Sessions(store: FullStore())
            let middleware: [any Middleware] = order == 0 ? [Compression(), sessions] : [sessions, Compression()]
            try await withRoutes(setting, routes(Notes()), middleware: middleware) { client async throws in
                #expect(try await client.get("/finish?session", headers: gzip).status == .internalServerError)
            }
        }
    }

    @Test("SET-4: of many long responses at once each is compressed", arguments: testedBackends)
    func many(backend: IOBackend) async throws {
        let setting = Setting(depth: .live, backend: backend)
        try await withRoutes(setting, routes(Notes()), middleware: [Compression()]) { client async throws in
            let fields = gzip
            try await withThrowingTaskGroup(of: TestResponse.self) { group in
                for _ in 0..<70 { group.addTask { try await client.get("/part", headers: fields) } }
                for try await response in group { #expect(try inflated(response) == Self.part) }
            }
        }
    }

    @Test("BH-11: conditions are checked before anything is compressed", arguments: Setting.each)
    func conditions(setting: Setting) async throws {
        let notes = Notes()
        try await withRoutes(
            setting, routes(notes), middleware: [Compression()], settings: .init(automaticETags: true)
        ) { client async throws in
            let tag = try #require(try await client.get("/finish", headers: gzip).headers[.eTag])
            var fields = gzip
            fields[.ifNoneMatch] = tag
            #expect(try await client.get("/finish", headers: fields).status == .notModified)
            fields[.ifNoneMatch] = "\"other\""
            #expect(try inflated(try await client.get("/finish", headers: fields)) == Self.text)
            try await notes.wait(for: 3)
            #expect(notes.all.compactMap { Int($0) }[1] < 10)
        }
    }

    @Test("SET-4: what is around the compression may still change the response", arguments: Setting.each)
    func changed(setting: Setting) async throws {
        final class Adding: Middleware {
            func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
                try await next()
                handler.write(" added")
            }
        }
        try await withRoutes(setting, routes(Notes()), middleware: [Adding(), Compression()]) { client async throws in
            #expect(try inflated(try await client.get("/write", headers: gzip)) == Self.text + " and more added")
        }
    }
}
