import Glibc
import Testing
import TwisterTestSupport

/// The effects of the command line's options on a server.
@Suite("ServerOptions", .serialized)
struct ServerOptionsTests {
    /// Starts the server with these options. Returns its port once it serves.
    private static func serve(_ options: [String]) throws -> (server: ChildProcess, port: UInt16) {
        let server = try ChildProcess("HelloWorld", ["--port", "0"] + options)
        let line = try server.line(with: "serving on http://127.0.0.1:")
        let digits = line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }
        return (server, try #require(UInt16(digits)))
    }

    @Test("RH-52: --access-log writes a line for each request, and without it there is none", arguments: [true, false])
    func accessLog(isOn: Bool) throws {
        let (server, port) = try Self.serve(isOn ? ["--access-log"] : [])
        let client = try TestClient(port: port)
        #expect(try client.get("/").status == 200)
        #expect(try client.get("/nowhere?x=1").status == 404)
        server.signal(SIGTERM)
        let lines = try server.remainingLines()
        #expect(lines.count { $0.contains("200 GET / (127.0.0.1)") } == (isOn ? 1 : 0), "\(lines)")
        #expect(lines.count { $0.contains("404 GET /nowhere?x=1 (127.0.0.1)") } == (isOn ? 1 : 0), "\(lines)")
        #expect(server.end() == 0)
    }

    @Test("numbers out of range are refused", arguments: ["--loops", "--processes", "--shutdown-timeout"])
    func refused(option: String) throws {
        let server = try ChildProcess("HelloWorld", ["\(option)=-1"])
        _ = try server.line(with: "Error: \(option)")
        #expect(try #require(server.end()) != 0)
    }
}
