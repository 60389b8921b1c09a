import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Tells whether its exchange is there, and uses everything that is there without it.
private class FrugalHandler: WebSocketHandler {
    private weak var exchange: HTTPConnection?

    override class var keepsRequest: Bool { false }

    override func open() async throws {
        exchange = request.connection
        #expect(request.host == "a")
        #expect(!isRequestReleased)
    }

    override func onMessage(_ message: WebSocketMessage) async throws {
        #expect(!requestID.isEmpty)
        #expect(try loop === IOLoop.current())
        #expect(isFinished)
        write("ignored")
        subscribe("topic")
        unsubscribe("topic")
        try await writeMessage("\(exchange == nil) \(pathArguments[0] ?? "")")
        if message.text == "throw" { throw WebSocketError(description: "meant to be") }
    }

    override func onClose() async {
        subscribe("topic")
        close()
        #expect(subscribedTopics.isEmpty)
    }
}

/// The same, with the default.
private final class KeepingHandler: FrugalHandler {
    override class var keepsRequest: Bool { true }
    override func onMessage(_ message: WebSocketMessage) async throws {
        #expect(request.headers[.upgrade] == "websocket")
        try await super.onMessage(message)
    }
}

/// Keeps a copy of the request, which stays what it is.
private final class CopyingHandler: WebSocketHandler {
    private var copy: HTTPServerRequest?
    override class var keepsRequest: Bool { false }
    override func open() async throws { copy = request }
    override func onMessage(_ message: WebSocketMessage) async throws {
        try await writeMessage("\(copy?.path ?? "") \(isRequestReleased)")
        copy = nil
    }
}

private final class ForgetfulHandler: WebSocketHandler {
    override class var keepsRequest: Bool { false }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(request.path) }
}

@Suite("Handlers without their requests")
struct KeepsRequestTests {
    private let routes = [
        URLSpec("/frugal/([a-z]+)", FrugalHandler.self), URLSpec("/keeping/([a-z]+)", KeepingHandler.self),
        URLSpec("/copying", CopyingHandler.self),
    ]

    @Test("WS-1: a handler that does not keep its request gives the exchange up when open() has returned")
    func released() async throws {
        try await onBothBackends(routes) { port in
            for (path, isReleased) in [("/frugal/room", true), ("/keeping/room", false)] {
                let client = try SocketClient(port, path)
                try client.send("one")
                #expect(try client.receiveText() == "\(isReleased) room")
                try client.send("throw")
                #expect(try client.receiveText() == "\(isReleased) room")
                #expect(try client.receiveClose() == 1011)
            }
        }
    }

    @Test("WS-1: a request that the handler holds stays its own")
    func copied() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/copying")
            try client.send("one")
            #expect(try client.receiveText() == "/copying false")
            try client.send("two")
            #expect(try client.receiveText() == " true")
        }
    }

    @Test("WS-1: a handler that uses its request all the same ends the program with a message")
    func misused() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try await withServer(.epoll, Application([URLSpec("/", ForgetfulHandler.self)])) { port in
                let client = try SocketClient(port, "/")
                try client.send("one")
                _ = try client.receive()
            }
        }
        let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(message.contains("keepsRequest"))
    }
}
