import Glibc
import Synchronization
import Testing
import TwisterIO
import TwisterTestSupport

/// `twister-dev`, whose build is a shell command here: it makes a script that starts a fixture with the text of the source.
@Suite("twister-dev", .serialized)
struct TwisterDevTests {
    /// A folder with a source, and a session that serves it.
    private final class Project {
        let folder: String
        let session: ChildProcess
        let port: UInt16

        init(_ text: String, _ backend: IOBackend, options: [String] = []) throws {
            var template = Array("/tmp/twister-dev-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
            folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            mkdir("\(folder)/src", 0o700)
            try Self.write(text, "\(folder)/src/text")
            let fixture = try ChildProcess.path(of: "DevFixture")
            let build = """
                cd \(folder); text=$(cat src/text); sleep 0.1
                if [ "$text" = broken ]; then echo "src/text:1: error: it is broken"; exit 1; fi
                printf '#!/bin/sh\\nexec \(fixture) "%s"\\n' "$text" >server.new
                chmod +x server.new && mv server.new server
                """
            session = try ChildProcess(
                "twister-dev",
                ["--port", "0", "--path", "\(folder)/src", "--build-command", build, "--program", "\(folder)/server"]
                    + options,
                environment: ["TWISTER_BACKEND": backend.rawValue])
            let line = try session.line(with: "listening on http://127.0.0.1:")
            port = UInt16(line.split(separator: "127.0.0.1:")[1].prefix { $0.isNumber }) ?? 0
        }

        deinit {
            for name in ["src/text", "src/new", "src/new/text", "server"] { unlink("\(folder)/\(name)") }
            for name in ["/src/new", "/src", ""] { rmdir("\(folder)\(name)") }
        }

        static func write(_ text: String, _ path: String) throws {
            guard let file = fopen(path, "w") else { throw TestFailure("\(path): errno \(errno)") }
            fputs(text, file)
            fclose(file)
        }

        /// Changes the source the way editors do: another file takes its name.
        func change(_ text: String) throws {
            try Self.write(text, "\(folder)/src/.text.swp")
            rename("\(folder)/src/.text.swp", "\(folder)/src/text")
        }

        func get(_ path: String = "/") throws -> String { try TwisterDevTests.get(path, port) }

        func end() throws -> [String] {
            session.signal(SIGINT)
            let lines = try session.remainingLines()
            #expect(session.end() == 0)
            return lines
        }
    }

    private static func get(_ path: String, _ port: UInt16) throws -> String {
        try TestClient(port: port).ask("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").text
    }

    /// Clients that ask for the page, one request for each connection, until they are told to stop.
    private final class Clients: Sendable {
        private let port: UInt16
        private let isDone = Atomic(false)
        private let count = Atomic(0)
        /// The texts that came.
        let texts = Notes()
        let failures = Notes()

        init(_ port: UInt16) { self.port = port }

        var requests: Int { count.load(ordering: .relaxed) }

        /// Ends when `finish` was called and so many requests were sent, or at the first failure.
        func run(atLeast least: Int) async {
            while !isDone.load(ordering: .relaxed) || requests < least {
                do {
                    let text = try TwisterDevTests.get("/", port)
                    count.wrappingAdd(1, ordering: .relaxed)
                    if texts.all.last != text { texts.note(text) }
                    try await Task.sleep(for: .milliseconds(1))
                } catch {
                    return failures.note("\(error)")
                }
            }
        }

        func finish() { isDone.store(true, ordering: .relaxed) }
    }

    @Test(
        "AR-1, AR-2, AR-3, N-58: a change, a broken build, a mended one: none of 1,000 requests is refused or lost",
        arguments: testedBackends)
    func changes(backend: IOBackend) async throws {
        let project = try Project("first", backend)
        let port = project.port
        // They begin when nothing is built yet.
        let clients = Clients(port)
        let running = Task { await clients.run(atLeast: 1000) }
        defer { clients.finish() }
        _ = try project.session.line(with: "serving the build of")
        let slow = Task { try Self.get("/slow", port) }
        _ = try project.session.line(with: "slow begins")
        try project.change("second")
        _ = try project.session.line(with: "serving the build of")
        // The earlier program finishes what it has begun.
        #expect(try await slow.value == "first")
        try await eventually("the new program alone serves") { try project.get() == "second" }
        try project.change("broken")
        _ = try project.session.line(with: "src/text:1: error: it is broken")
        let line = try project.session.line(with: "build failed")
        #expect(line.contains("still serving the build of"))
        #expect(try project.get() == "second")
        try project.change("third")
        _ = try project.session.line(with: "serving the build of")
        try await eventually("the new program alone serves") { try project.get() == "third" }
        clients.finish()
        await running.value
        #expect(clients.failures.all.isEmpty, "\(clients.failures.all)")
        #expect(clients.requests >= 1000)
        #expect(Set(clients.texts.all) == ["first", "second", "third"])
        _ = try project.end()
        #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
    }

    @Test("AR-3: connections wait for the first program, also while it cannot be built or started")
    func firstStart() async throws {
        let project = try Project("broken", .epoll)
        let early = Task { [port = project.port] in try Self.get("/", port) }
        let line = try project.session.line(with: "build failed")
        #expect(line.contains("nothing is served yet: connections wait"))
        try project.change("crash at start")
        let crash = try project.session.line(with: "has crashed before it was ready")
        #expect(crash.contains("(status 3): it is started again in 0.5 s"))
        try project.change("works")
        #expect(try await early.value == "works")
        _ = try project.end()
    }

    @Test("N-58: a new program that ends or does not say that it is ready leaves the earlier one in place")
    func notReady() async throws {
        let project = try Project("first", .epoll, options: ["--ready-timeout", "4"])
        _ = try project.session.line(with: "serving the build of")
        try project.change("crash at start")
        let crash = try project.session.line(with: "the new program has ended before it was ready")
        #expect(crash.contains("status 3") && crash.contains("still serving"))
        try project.change("silent")
        let silent = try project.session.line(with: "did not say within 4.0 s that it is ready")
        #expect(silent.contains("still serving"))
        try await eventually("the earlier program alone serves") { try project.get() == "first" }
        _ = try project.end()
    }

    @Test("AR-3: a program that crashes is started again, later each time")
    func crashes() async throws {
        let project = try Project("first", .epoll)
        _ = try project.session.line(with: "serving the build of")
        for delay in ["0.5 s", "1.0 s"] {
            #expect(throws: TestClient.Failure.self) { try project.get("/crash") }
            let line = try project.session.line(with: "the program has crashed after")
            #expect(line.contains("started again in \(delay)"))
            // This waits for it.
            #expect(try project.get() == "first")
        }
        _ = try project.end()
    }

    @Test("AR-3: --until-success ends with the program that ends well; without it a change is awaited")
    func untilSuccess() async throws {
        let waiting = try Project("success", .epoll)
        _ = try waiting.session.line(with: "waiting for a change")
        try waiting.change("first")
        #expect(try waiting.get() == "first")
        _ = try waiting.end()

        let project = try Project("crash at start", .epoll, options: ["--until-success"])
        _ = try project.session.line(with: "has crashed")
        try project.change("success")
        _ = try project.session.remainingLines()
        #expect(project.session.end() == 0)
    }

    @Test("AR-1: files in new folders count, hidden files and copies of editors do not")
    func watching() async throws {
        let project = try Project("first", .epoll)
        _ = try project.session.line(with: "serving the build of")
        for name in [".text.swp", "text~", "#text#", "4913"] {
            try Project.write("", "\(project.folder)/src/\(name)")
            unlink("\(project.folder)/src/\(name)")
        }
        try await Task.sleep(for: .milliseconds(300))
        mkdir("\(project.folder)/src/new", 0o700)
        try Project.write("", "\(project.folder)/src/new/text")
        _ = try project.session.line(with: "serving the build of")
        try Project.write("changed", "\(project.folder)/src/new/text")
        _ = try project.session.line(with: "serving the build of")
        let lines = try project.end()
        #expect(!lines.contains { $0.contains("building") }, "\(lines)")
    }
}
