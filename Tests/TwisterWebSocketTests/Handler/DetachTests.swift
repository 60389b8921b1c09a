import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Speaks a protocol of its own behind the request.
private final class OwnProtocolHandler: RequestHandler {
    override func get() async throws {
        let stream = try detach()
        try await stream.write("own ")
        let line = try await stream.readUntil("\n")
        try await stream.write(line)
        stream.closeAfterWriting()
    }
}

/// Detaches too late.
private final class LateHandler: RequestHandler {
    override func get() async throws {
        write("begun ")
        try await flush()
        do { _ = try detach() } catch { write("\(type(of: error))") }
    }
}

@Suite("Detached connections")
struct DetachTests {
    @Test("RH-47: a handler takes its stream away from HTTP, with the bytes behind the request")
    func own() async throws {
        try await onBothBackends([URLSpec("/", OwnProtocolHandler.self), URLSpec("/late", LateHandler.self)]) { port in
            let client = try TestClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nhello\nrest")
            #expect(String(decoding: try client.receiveAll(), as: UTF8.self) == "own hello\n")
            let late = try TestClient(port: port)
            try late.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try late.receiveResponse().text == "begun HTTPOutputError")
        }
    }
}
