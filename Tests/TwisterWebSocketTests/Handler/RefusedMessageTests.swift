import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

private struct Move: Decodable, Validatable {
    let to: Int

    func validate() throws { try require(to >= 0, "to", "must not be negative") }
}

/// Refuses what is no move, and throws what the text of a path says.
private final class MoveHandler: WebSocketHandlerWith<Notes> {
    override func onMessage(_ message: WebSocketMessage) async throws {
        if let status = message.text.flatMap({ Int($0) }) {
            throw HTTPError(status, detail: status == 409 ? "The field is taken." : nil)
        }
        let move: Move = try message.decode()
        try await writeMessage("\(move.to)")
    }

    override func logException(_ error: any Error) { state.note("\(type(of: error))") }
}

@Suite("Refused messages")
struct RefusedMessageTests {
    private func close(_ message: String) async throws -> [CloseFrame] {
        var frames: [CloseFrame] = []
        let notes = Notes()
        try await onBothBackends([URLSpec("/", MoveHandler.self, notes)]) { port in
            let client = try SocketClient(port, "/")
            try client.send(#"{"to": 3}"#)
            #expect(try client.receiveText() == "3")
            try client.send(message)
            try frames.append(client.receiveCloseFrame())
        }
        #expect(notes.all == ["HTTPError", "HTTPError"])
        return frames
    }

    @Test(
        "WS-2, X-46: a message that is not what the handler decodes closes with 1007, and the reason names the field",
        arguments: [
            (#"{"to": "3"}"#, "to must be an integer"), (#"{"to": -1}"#, "to must not be negative"),
            ("{}", "to is missing"), (#"{"to": 3"#, "The message is not well-formed."),
        ])
    func undecodable(_ message: String, _ reason: String) async throws {
        for frame in try await close(message) { #expect(frame == CloseFrame(code: .invalidPayload, reason: reason)) }
    }

    @Test(
        "WS-2: an HTTPError closes with the code that fits its status",
        arguments: [
            (409, 1008, "The field is taken."), (403, 1008, "Forbidden"), (413, 1009, "Content Too Large"),
            (415, 1003, "Unsupported Media Type"), (503, 1013, "Service Unavailable"), (500, 1011, ""),
        ])
    func statuses(_ status: Int, _ code: UInt16, _ reason: String) async throws {
        for frame in try await close("\(status)") {
            #expect(frame == CloseFrame(code: WebSocketCloseCode(rawValue: code), reason: reason))
        }
    }
}
