/// The messages of a WebSocket, as they come. The sequence ends when the connection does.
///
/// Each message is given out once: to one loop over this sequence, or to `onMessage`.
public struct WebSocketMessages: AsyncSequence {
    private let next: () async throws -> WebSocketMessage?

    init(_ next: @escaping () async throws -> WebSocketMessage?) { self.next = next }

    /// Waits for the messages, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let take: () async throws -> WebSocketMessage?

        public mutating func next() async throws -> WebSocketMessage? { try await take() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(take: next) }
}

extension WebSocketHandler {
    /// The client's messages, for a handler that would rather loop over them in `open` than have `onMessage` called:
    ///
    ///     override func open() async throws {
    ///         for try await message in messages { try await writeMessage(message) }
    ///     }
    ///
    /// While nobody waits for the next message, it is not read, and the client is held up. The sequence ends when the connection
    /// closes. Its iterator throws `CancellationError`, and `WebSocketError` where another task waits already.
    public final var messages: WebSocketMessages {
        WebSocketMessages { [weak self] in try await self?.socket?.nextMessage() }
    }
}
