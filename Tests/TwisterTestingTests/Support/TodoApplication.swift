import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTesting
import TwisterWeb

struct Todo: Codable, Equatable {
    var title: String
}

/// The depths and the backends that each feature is tested with.
struct Setting: CustomTestStringConvertible, Sendable {
    let depth: TestDepth
    let backend: IOBackend

    static let all = TestDepth.allCases.flatMap { depth in
        [IOBackend.ioUring, .epoll].map { Setting(depth: depth, backend: $0) }
    }

    var testDescription: String { "\(depth), \(backend)" }

    func configuration(_ clock: TestClock = .real) -> TestConfiguration {
        var configuration = TestConfiguration()
        configuration.backend = backend
        configuration.clock = clock
        return configuration
    }
}

/// What handlers have noted, for tests that look behind the responses.
final class Notebook: Sendable {
    // Not a Mutex: the thread sanitizer does not know it.
    private let notes = ConditionLock<[String]>([])
    func note(_ text: String) { notes.withLock { $0.append(text) } }
    var all: [String] { notes.withLock { $0 } }
}

final class TodoHandler: RequestHandler {
    override func post() async throws {
        guard request.headers[.authorization] == "Bearer secret" else { throw HTTPError(.unauthorized) }
        let todo: Todo = try decodeBody()
        guard !todo.title.isEmpty else { throw HTTPError(.unprocessableContent) }
        setStatus(.created)
        try write(json: todo)
    }
}

/// Says what has arrived.
final class EchoHandler: RequestHandler {
    private func echo() throws {
        let fields: [HTTPField.Name] = [.contentType, .authorization, .cookie]
        try setHeader(.init("X-Peer") ?? .from, "\(request.remoteIP) \(request.protocol) \(request.version)")
        write("\(request.method) \(request.uri) \(request.host)\n")
        for name in fields { if let value = request.headers[name] { write("\(name): \(value)\n") } }
        write(request.body)
    }
    override func get() async throws { try echo() }
    override func post() async throws { try echo() }
    override func put() async throws { try echo() }
    override func patch() async throws { try echo() }
    override func delete() async throws { try echo() }
}

final class FormHandler: RequestHandler {
    override func post() async throws {
        write("name=\(try getArgument("name"))\n")
        for file in try getFiles("file") { write("\(file.fileName) \(file.contentType) \(file.body.count)\n") }
    }
}

final class CookieHandler: RequestHandler {
    override func get() async throws {
        for value in try getArguments("set") { try addHeader(.setCookie, value) }
        write(request.headers[.cookie] ?? "none")
    }
}

final class HopHandler: RequestHandler {
    override func get() async throws { try redirect(try getArgument("to")) }
    override func post() async throws {
        try redirect(try getArgument("to"), status: .init(code: Int(try getArgument("status")) ?? 302))
    }
}

/// Sends as many events as it is told to, each after a second of the loop's clock.
final class EventHandler: RequestHandler {
    override func get() async throws {
        let count = try getArgument("count", as: Int.self, default: 3)
        try setHeader(.contentType, "text/event-stream")
        for number in 1...max(1, count) {
            write("data: \(number)\n\n")
            try await flush()
            try await sleep(for: .seconds(number < count ? 1 : 0))
        }
    }
}

/// Writes until its client stops it.
final class FloodHandler: RequestHandler {
    private let notes: Notebook
    private var sent = 0
    init(_ context: HandlerContext, _ notes: Notebook) {
        self.notes = notes
        super.init(context)
    }
    required init(_ context: HandlerContext) {
        notes = Notebook()
        super.init(context)
    }
    override func get() async throws {
        let block = [UInt8](repeating: 0x61, count: 8192)
        do {
            while true {
                write(block)
                try await flush()
                sent += block.count
            }
        } catch {
            notes.note("stopped")
            throw error
        }
    }
    override func onConnectionClose() { notes.note("closed") }
}

/// Waits for an hour of the loop's clock.
final class PatientHandler: RequestHandler {
    private let notes: Notebook
    init(_ context: HandlerContext, _ notes: Notebook) {
        self.notes = notes
        super.init(context)
    }
    required init(_ context: HandlerContext) {
        notes = Notebook()
        super.init(context)
    }
    override func get() async throws {
        do {
            let start = loop.time()
            try await sleep(for: .seconds(3600))
            write("\(start.duration(to: loop.time()).components.seconds)")
        } catch {
            notes.note("cancelled")
            throw error
        }
    }
}

final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .dataReceived }
    private var count = 0
    override func dataReceived(_ chunk: [UInt8]) async throws {
        count += chunk.count
        await Task.yield()
    }
    override func post() async throws { write("\(count)") }
}

final class OddHandler: RequestHandler {
    override func get() async throws {
        switch pathArguments[0] {
        case "hint":
            try sendInformational(.init(code: 103, reasonPhrase: "Early Hints"), [.init("Link") ?? .from: "</a.css>"])
        case "trailer":
            write("body")
            try await flush()
            try setTrailer(.init("X-Sum") ?? .from, "42")
        case "error": throw Todo.Failure()
        case "cut":
            write("half")
            try await flush()
            throw Todo.Failure()
        case "empty": setStatus(.noContent)
        default: write(String(repeating: "x", count: 300_000))
        }
    }
}

extension Todo {
    struct Failure: Error {}
}

func makeApplication(_ notes: Notebook = Notebook()) throws -> Application {
    try Application([
        URLSpec("/todos", TodoHandler.self),
        URLSpec("/echo/?.*", EchoHandler.self),
        URLSpec("/form", FormHandler.self),
        URLSpec("/cookies/?.*", CookieHandler.self),
        URLSpec("/hop", HopHandler.self),
        URLSpec("/events", EventHandler.self),
        URLSpec("/flood", make: { FloodHandler($0, notes) }),
        URLSpec("/patient", make: { PatientHandler($0, notes) }),
        URLSpec("/upload", UploadHandler.self),
        URLSpec("/odd/(.*)", OddHandler.self),
    ])
}
