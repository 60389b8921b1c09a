import TwisterCompression
import TwisterIO

/// Sends one message in pieces, for a message that is made bit by bit or is too long for memory. Other messages wait until
/// `finish`. Where a writer is released before `finish`, the connection is closed with 1011, because the peer cannot get the
/// whole message.
public final class WebSocketMessageWriter {
    private let connection: WebSocketConnection
    private let opcode: Opcode
    private var validator = UTF8Validator()
    private var state = State.unbegun
    /// Whether a task waits in `write` or `finish`.
    private var isWriting = false

    private enum State { case unbegun, begun, finished }

    private init(_ connection: WebSocketConnection, isText: Bool) {
        self.connection = connection
        opcode = isText ? .text : .binary
    }

    /// Begins a message, once no other one is sent in pieces.
    static func begin(_ connection: WebSocketConnection, isText: Bool) async throws -> WebSocketMessageWriter {
        try await connection.beginMessage()
        return WebSocketMessageWriter(connection, isText: isText)
    }

    deinit {
        guard state != .finished else { return }
        let held = Held(connection)
        connection.stream.loop.addCallback { held.connection.fail(.internalError, "message was not finished") }
    }

    /// Sendable, because the connection is used on its loop's thread only.
    private final class Held: @unchecked Sendable {
        let connection: WebSocketConnection
        init(_ connection: WebSocketConnection) { self.connection = connection }
    }

    /// Sends the next bytes, and waits while the peer does not take what was sent before.
    ///
    /// - Throws: `WebSocketClosedError`, `CancellationError`; `WebSocketError` after `finish`, while another task writes,
    ///   and in a text for bytes that are not UTF-8.
    public func write(_ bytes: [UInt8]) async throws {
        try check()
        isWriting = true
        defer { isWriting = false }
        if opcode == .text, !bytes.withUnsafeBytes({ validator.accepts($0) }) {
            throw WebSocketError(description: "a text message is UTF-8")
        }
        guard !bytes.isEmpty else { return }
        try await connection.sendPiece(state == .unbegun ? opcode : .continuation, bytes, isLast: false)
        state = .begun
        if connection.stream.isOverHighWatermark { try await connection.drained() }
    }

    /// Sends text in UTF-8. Throws as `write` for bytes.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Ends the message.
    ///
    /// - Throws: as `write`; `WebSocketError` for a text that ends within a character.
    public func finish() async throws {
        try check()
        isWriting = true
        defer { isWriting = false }
        guard opcode == .binary || validator.isComplete else {
            throw WebSocketError(description: "the text ends within a character")
        }
        try await connection.sendPiece(state == .unbegun ? opcode : .continuation, [], isLast: true)
        state = .finished
        connection.endMessage()
    }

    private func check() throws {
        connection.stream.loop.preconditionOnLoop()
        guard state != .finished else { throw WebSocketError(description: "the message is finished") }
        guard !isWriting else { throw WebSocketError(description: "another task writes this message already") }
        guard connection.phase == .open else {
            state = .finished
            throw connection.closedError
        }
    }
}

extension WebSocketConnection {
    /// Begins to send a message that takes its time, once no other one is being sent.
    func beginMessage() async throws {
        stream.loop.preconditionOnLoop()
        guard phase == .open else { throw closedError }
        if rare?.isSendingMessage == true { try await waitForMessage() }
        madeRare().afterMessage = []
    }

    /// Sends a part of a message as a frame.
    func sendPiece(_ opcode: Opcode, _ bytes: [UInt8], isLast: Bool) async throws {
        guard let compression else { return sendFrame(opcode, bytes, isFinal: isLast) }
        try await sendCompressed(.binary(bytes), isLast ? .message : .part, opcode, by: compression)
    }

    /// Waits until the message that is being sent is complete.
    func waitForMessage() async throws {
        while rare?.isSendingMessage == true {
            let waiter = LoopWaiter<Void>(stream.loop)
            try await waiter.value { madeRare().afterMessage?.append(waiter) }
        }
        guard phase == .open else { throw closedError }
    }

    /// The message that was being sent is complete, or the connection has ended.
    func endMessage() {
        guard let waiting = rare?.afterMessage.take() else { return }
        for waiter in waiting { waiter.resume(with: .success(())) }
        sendWaiting()
    }
}

extension WebSocketHandler {
    /// Begins a message that is sent in pieces:
    ///
    ///     let message = try await beginMessage()
    ///     for try await piece in file { try await message.write(piece) }
    ///     try await message.finish()
    ///
    /// - Parameter isText: whether it is a text. Default: it is binary.
    /// - Throws: `WebSocketClosedError`, `CancellationError`.
    public final func beginMessage(isText: Bool = false) async throws -> WebSocketMessageWriter {
        try await WebSocketMessageWriter.begin(openSocket(), isText: isText)
    }
}
