import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

/// Several processes behind one address: `--processes`.
@Suite("--processes", .serialized)
struct ProcessesTests {
    /// The lines that a supervised server logs when it starts.
    private struct Start {
        var port: UInt16 = 0
        /// Process ids by the workers' numbers.
        var workers: [Int: pid_t] = [:]

        init(_ server: ChildProcess, workers count: Int, serving lines: Int, _ backend: IOBackend) throws {
            var served = 0
            while workers.count < count || served < lines {
                guard let line = try server.line() else { throw TestFailure("it ended") }
                let words = line.split(separator: " ")
                if let at = words.firstIndex(of: "Worker"), words.count > at + 4, words[at + 2] == "started:" {
                    workers[Int(words[at + 1]) ?? -1] = pid_t(words[at + 4])
                }
                guard line.contains("serving on http://127.0.0.1:") else { continue }
                served += 1
                #expect(line.contains("backend \(backend)"))
                let digits = line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }
                port = UInt16(digits) ?? 0
            }
        }
    }

    private func get(_ port: UInt16) throws -> String {
        try TestClient(port: port).ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").text
    }

    @Test(
        "N-26, IOL-30: two processes share a port; one is killed, the port still serves; SIGTERM ends all",
        arguments: testedBackends)
    func lifetime(backend: IOBackend) throws {
        let server = try ChildProcess(
            "HelloWorld", ["--processes", "2", "--port", "0", "--backend", backend.rawValue])
        let start = try Start(server, workers: 2, serving: 2, backend)
        #expect(start.workers.keys.sorted() == [0, 1])
        for _ in 0..<10 { #expect(try get(start.port) == "Hello, World!") }

        let victim = try #require(start.workers[0])
        // Once it has ended (and with it the connections that it had accepted), the other one serves all clients.
        kill(victim, SIGKILL)
        _ = try server.line(with: "Worker 0 (process \(victim)) died")
        for _ in 0..<10 { #expect(try get(start.port) == "Hello, World!") }
        // It is replaced by a process with the same number on the same port.
        let second = try Start(server, workers: 1, serving: 1, backend)
        #expect(second.port == start.port)
        let successor = try #require(second.workers[0])
        #expect(successor != victim)
        for _ in 0..<10 { #expect(try get(start.port) == "Hello, World!") }

        server.signal(SIGTERM)
        let last = try server.remainingLines()
        #expect(last.count { $0.contains("ended normally") } == 2, "\(last)")
        #expect(server.end() == 0)
        for process in [successor, try #require(start.workers[1])] { #expect(kill(process, 0) != 0) }
        #expect(throws: TestClient.Failure.self) { try TestClient(port: start.port) }
    }

    @Test("a process's loops accept from its shared socket", arguments: testedBackends)
    func loops(backend: IOBackend) throws {
        let server = try ChildProcess(
            "HelloWorld", ["--processes", "2", "--loops", "2", "--port", "0", "--backend", backend.rawValue])
        let start = try Start(server, workers: 2, serving: 2, backend)
        for _ in 0..<20 { #expect(try get(start.port) == "Hello, World!") }
        server.signal(SIGTERM)
        let last = try server.remainingLines()
        #expect(last.count { $0.contains("ended normally") } == 2, "\(last)")
        #expect(server.end() == 0)
    }

    @Test("a port that is taken ends the supervisor, with the address in the text")
    func taken() throws {
        let holder = try bindSockets(port: 0, address: "127.0.0.1")
        let port = try #require(holder.first?.address?.port)
        let server = try ChildProcess("HelloWorld", ["--processes", "2", "--port", "\(port)"])
        _ = try server.line(with: "127.0.0.1:\(port)")
        #expect(try #require(server.end()) != 0)
    }
}
