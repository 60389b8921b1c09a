import TwisterHTTP
public import TwisterIO

extension RequestHandler {
    /// Long polling: waits until `look` finds something in state that handlers share, and returns it.
    ///
    ///     URLSpec(.get, "/messages") { handler in
    ///         let last = try handler.getArgument("after", as: Int.self, default: 0)
    ///         return try await handler.longPoll(messages, default: []) { $0.messages(after: last) }
    ///     }
    ///
    /// After `timeout`, the client gets `fallback` and asks again. It also gets `fallback` when the server begins to shut down:
    /// the request then does not hold up the shutdown, and the client's next request goes to another server.
    ///
    /// - Parameters:
    ///   - monitor: the state; may be shared by all loops.
    ///   - timeout: the longest wait. Default 30 s, because many proxies end a request after a minute.
    ///   - fallback: the result if there is nothing until then.
    ///   - look: returns nil if there is nothing yet. Called under the monitor's lock, at once and after each change, by the
    ///     thread that changes the state; must be short, and must not use the monitor.
    /// - Throws: `CancellationError` once the client has disconnected.
    ///
    /// Tornado: `Condition.wait` in a handler, as in its demo `chat`.
    public final func longPoll<State, News: Sendable>(
        _ monitor: AsyncMonitor<State>, timeout: Duration = .seconds(30), default fallback: News,
        _ look: @escaping @Sendable (State) -> News?
    ) async throws -> News {
        connection.checkThread("RequestHandler.longPoll")
        if let news = monitor.read(look) { return news }
        if connection.isToldOfShutdown { return fallback }
        let waiting = Task(executorPreference: loop) { try await monitor.wait(timeout: timeout, look) }
        let course = madeResponseCourse
        let action = course.addShutdownAction { waiting.cancel() }
        defer { course.removeShutdownAction(action) }
        do {
            return try await withTaskCancellationHandler {
                try await waiting.value
            } onCancel: {
                waiting.cancel()
            }
        } catch is TimeoutError {
            return fallback
        } catch is CancellationError where connection.isToldOfShutdown && !Task.isCancelled {
            return fallback
        }
    }
}
