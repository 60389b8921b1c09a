import FoundationEssentials
import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

/// The requirements of the seed for a server as a whole, tested from outside.
@Suite("The seed", .serialized)
struct SeedTests {
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast(3).joined(separator: "/")

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
    }

    private func serve(
        _ backend: IOBackend, _ options: [String] = [], listening: CInt? = nil
    ) throws -> (server: ChildProcess, port: UInt16, line: String) {
        let server = try ChildProcess(
            "HelloWorld", ["--port", "0", "--backend", backend.rawValue] + options, listening: listening)
        let line = try server.line(with: "serving on http://127.0.0.1:")
        let digits = line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }
        return (server, try #require(UInt16(digits)), line)
    }

    private func file(_ server: ChildProcess, _ name: String) throws -> String {
        try String(contentsOfFile: "/proc/\(server.process)/\(name)", encoding: .utf8)
    }

    @Test(
        "S-1: the README's programs, with and without the framework, have 20 lines at most and are compiled",
        arguments: ["HelloWorld", "PlainHTTP"])
    func programs(name: String) throws {
        let path = "Sources/Examples/\(name)/\(name).swift"
        let program = try Self.text(path)
        #expect(try Self.text("README.md").contains("<!-- snippet: \(path) -->\n```swift\n\(program)```"))
        #expect(program.split(separator: "\n").count <= 20)
        #expect(try Self.text("Package.swift").contains("path: \"Sources/Examples/\(name)\""))
    }

    private static func holds(_ data: Data, _ text: String) -> Bool {
        data.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while let first = text.utf8.first, let start = rest.baseIndex(of: first) {
                if rest[start...].starts(with: text.utf8) { return true }
                rest = rest[(start + 1)...]
            }
            return false
        }
    }

    @Test("S-2: no other network stack is linked, and one loop is one thread", arguments: testedBackends)
    func architecture(backend: IOBackend) throws {
        let (server, port, _) = try serve(backend, ["--loops", "1"])
        #expect(try TestClient(port: port).get("/").text == "Hello, World!")
        let maps = try file(server, "maps")
        #expect(maps.contains("HelloWorld"))
        #expect(!maps.contains("FoundationNetworking") && !maps.contains("libcurl") && !maps.contains("libuv"))
        let program = try Data(contentsOf: URL(filePath: "/proc/\(server.process)/exe"))
        #expect(Self.holds(program, "TwisterIO"))
        for stack in ["NIOPosix", "NIOCore", "FoundationNetworking"] {
            #expect(!Self.holds(program, stack), "\(stack)")
        }
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process)/task")
            .compactMap { try? file(server, "task/\($0)/comm") }
        #expect(threads.count { $0.hasPrefix("twister-loop") } == 1, "\(threads)")
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("S-20: a socket handed over as systemd does it (LISTEN_FDS) is served", arguments: testedBackends)
    func activation(backend: IOBackend) throws {
        let socket = try #require(try bindSockets(port: 0, address: "127.0.0.1").first)
        let given = try #require(socket.address?.port)
        let (server, port, _) = try serve(backend, listening: socket.fileDescriptor)
        #expect(port == given)
        #expect(try TestClient(port: given).get("/").text == "Hello, World!")
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test(
        "S-25: without certificates there is no TLS: its handshake gets an HTTP error and is closed",
        arguments: testedBackends)
    func tls(backend: IOBackend) throws {
        let (server, port, _) = try serve(backend)
        let client = try TestClient(port: port, timeout: 5)
        // The beginning of a ClientHello.
        try client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x0a, 0x0d, 0x0a])
        #expect(try client.receiveResponse().status == 400)
        #expect(try client.isClosed())
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("S-36: a hundred thousand requests on one connection leave the memory as it was", arguments: testedBackends)
    func manyRequests(backend: IOBackend) throws {
        let (server, port, _) = try serve(backend)
        let client = try TestClient(port: port)
        func resident() throws -> Int {
            let fields = try file(server, "statm").split(separator: " ")
            return try #require(Int(fields[1])) * 4096
        }
        func ask(_ count: Int) throws {
            let batch = 100
            let requests = Array(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: batch).utf8)
            for _ in 0..<(count / batch) {
                try client.send(requests)
                for _ in 0..<batch {
                    let text = try client.receiveResponse().text
                    guard text == "Hello, World!" else { throw TestFailure("the response is \(text)") }
                }
            }
        }
        // The loop begins to use its buffers one after the other.
        try ask(50_000)
        let before = try resident()
        try ask(50_000)
        let growth = try resident() - before
        print("S-36 on \(backend): \(growth / 1024) KiB more resident after 50,000 requests")
        #expect(growth < 1 << 20)
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("S-56: an idle server makes no wake-ups, in none of its threads", arguments: testedBackends)
    func idle(backend: IOBackend) async throws {
        let (server, port, _) = try serve(backend)
        let client = try TestClient(port: port)
        #expect(try client.get("/").text == "Hello, World!")
        func wakeups() throws -> Int {
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process)/task")
            return threads.reduce(0) { sum, thread in
                let status = (try? file(server, "task/\(thread)/status")) ?? ""
                let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                return sum + (line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0)
            }
        }
        // Threads that are not needed any more end after some seconds. Two quiet seconds show that there is no regular wake-up.
        var isQuiet = false
        for _ in 0..<8 where !isQuiet {
            let before = try wakeups()
            try await Task.sleep(for: .milliseconds(2_500))
            isQuiet = try wakeups() == before
        }
        #expect(isQuiet)
        #expect(try client.get("/").text == "Hello, World!")
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test(
        "S-60: TWISTER_BACKEND chooses the backend if no option does, and the log names it", arguments: testedBackends)
    func environment(backend: IOBackend) throws {
        let server = try ChildProcess(
            "HelloWorld", ["--port", "0"], environment: ["TWISTER_BACKEND": backend.rawValue])
        #expect(try server.line(with: "serving on").contains("backend \(backend.rawValue)"))
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("S-70: the docs have a diagram of a request's way, from the kernel to the handler and back")
    func diagram() throws {
        let parts = try Self.text("docs/architecture.md").split(separator: "```mermaid\n").dropFirst()
        let diagram = try #require(parts.first?.split(separator: "\n```").first)
        var rest = diagram
        for stage in ["kernel", "backend", "turn", "streamIn", "server", "application", "handler", "execute"] {
            let found = try #require(rest.firstRange(of: "\(stage) -->"), "\(stage) comes after the stages before it")
            rest = rest[found.upperBound...]
        }
        for name in [
            "IOLoop.turn", "IOStream", "HTTP1ServerConnection", "HTTP1Connection", "Application.startRequest",
            "RequestHandler.execute", "IOStream.write",
        ] {
            #expect(diagram.contains(name), "\(name)")
        }
        #expect(rest.contains("backend -.-> kernel"), "the way of the response down")
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    /// Where `byte` first is, by memchr(3).
    fileprivate func baseIndex(of byte: UInt8) -> Int? {
        let bytes = UnsafeRawBufferPointer(rebasing: self)
        guard let base = bytes.baseAddress, let found = memchr(base, CInt(byte), bytes.count) else { return nil }
        return startIndex + (UnsafeRawPointer(found) - base)
    }
}
