import HTTPTypes
import Logging
import TwisterHTTP
import TwisterIO

/// The session of the client, where the middleware `Sessions` runs around the handler.
extension RequestHandler {
    /// The client's session. Without `Sessions`, it is empty, what is stored in it is lost, and an error is logged.
    public final var session: Session {
        connection.checkThread("RequestHandler.session")
        let extras = madeExtras
        if let session = extras.session {
            session.isUsed = true
            return session
        }
        logger.error("\(traits.label) uses a session without the middleware Sessions: what it stores is lost")
        let session = Session(nil)
        extras.session = session
        return session
    }

    /// Saves what has changed in the session, after the saves that were begun before.
    ///
    /// - Throws: `SessionError`, and the store's errors.
    func saveSession() async throws {
        guard let session = extras?.session else { return }
        if session.saving == nil, session.needsSaving { beginSaving(session) }
        while let saving = session.saving {
            let result = await saving.result
            if session.saving == saving { session.saving = nil }
            try result.get()
            if session.saving == nil, session.needsSaving { beginSaving(session) }
        }
    }

    /// Saves in a task of its own: the save of a request whose client has disconnected is not cancelled halfway.
    private func beginSaving(_ session: Session) {
        let parts = LoopBound((handler: self, session: session, previous: session.saving))
        session.saving = Task<Void, any Error>(executorPreference: loop) {
            let (handler, session, previous) = parts.value
            _ = await previous?.result
            let connection = handler.connection
            do {
                try await session.write(canSetCookie: !connection.isHeadSent || connection.isHeld)
            } catch SessionError.begunAfterHead where connection.isClientDisconnected {
                // There is no client to begin a session with.
                throw CancellationError()
            }
        }
    }

    /// Finishes the response, which is held back, once the session is saved, while the handler goes on. Where that fails, the
    /// client gets an error.
    func finishAfterSaving(_ session: Session) {
        if session.saving == nil || session.needsSaving { beginSaving(session) }
        let parts = LoopBound((handler: self, session: session, save: session.saving))
        session.saving = Task<Void, any Error>(executorPreference: loop) {
            let (handler, session, save) = parts.value
            let result = await save?.result
            handler.madeResponseCourse.reopen(handler.connection)
            session.saving = nil
            guard case .failure(let error) = result else { return handler.finish() }
            handler.logException(error)
            await handler.sendError(.internalServerError, error)
        }
    }
}
