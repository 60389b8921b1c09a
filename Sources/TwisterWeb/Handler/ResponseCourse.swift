import HTTPTypes
import TwisterCodec
import TwisterHTTP

extension RequestHandler {
    /// The functions, checks and transforms that change a response when it is about to be sent: its head, its `ETag` and status
    /// by conditional requests, its body. Only responses that have any of these have one.
    final class ResponseCourse: ResponseFilter {
        /// The exchange keeps this object, and the handler while it may respond.
        private unowned let handler: RequestHandler
        /// The functions of `beforeHead`. The one that was added last runs first.
        var beforeHead: [(RequestHandler) throws -> Void] = []
        var transforms: [any OutputTransform] = []
        /// Whether a complete response to GET or HEAD gets an `ETag`, and 304 where the client has the same.
        var checksETag = false
        /// Closures that end a wait which would hold up a shutdown, by their numbers.
        private var shutdownActions: [Int: () -> Void] = [:]
        private var lastShutdownAction = 0
        /// Whether one of the functions is being called. What it does to the response calls this object again.
        private var isRunning = false
        /// The head of a finished response that is held back. Fields that the handler sets meanwhile are lost, as after every
        /// finished response.
        private var heldHead: ResponseHead.Snapshot?

        init(_ handler: RequestHandler) { self.handler = handler }

        func holdsResponse(_ connection: HTTPConnection) -> Bool {
            guard !isRunning, let extras = handler.extras else { return false }
            // Compression comes first: `Compression` waits until the response is compressed, whatever middleware is around
            // it, and a session that still has to be saved then holds the response once more.
            if extras.compression?.holdsResponse() == true {
                // It is finished when it is compressed.
            } else if let session = extras.session, session.holdsResponse {
                handler.finishAfterSaving(session)
            } else {
                return false
            }
            heldHead = connection.head.snapshot
            return true
        }

        /// Opens a response again that is held back: it can be finished, or replaced by an error.
        func reopen(_ connection: HTTPConnection) {
            if connection.isHeld, let head = heldHead.take() { connection.head.restore(head) }
            connection.reopenHeldResponse()
        }

        /// Has `action` called when the server begins to shut down. Returns its name for `removeShutdownAction`.
        func addShutdownAction(_ action: @escaping () -> Void) -> Int {
            lastShutdownAction += 1
            shutdownActions[lastShutdownAction] = action
            return lastShutdownAction
        }

        func removeShutdownAction(_ name: Int) { shutdownActions[name] = nil }

        func shutdownBegan() {
            let actions = shutdownActions.values
            shutdownActions = [:]
            for action in actions { action() }
        }

        func responseBegins(_ connection: HTTPConnection, _ body: ResponseBodyPart) {
            guard !isRunning else { return }
            isRunning = true
            defer { isRunning = false }
            do {
                // First: a 304 or 412 gets the fields of the functions, too, as every other response does.
                if checksETag, case .whole = body { try handler.respondToConditions() }
                while let function = beforeHead.popLast() { try function(handler) }
                switch body {
                case .whole: try transformHead(connection, finishing: true)
                case .begun: try transformHead(connection, finishing: false)
                case .file: break
                }
            } catch {
                fail(error)
            }
        }

        func responseContinues(_ connection: HTTPConnection, isComplete: Bool) {
            guard !transforms.isEmpty, !isRunning else { return }
            do {
                var chunk = connection.responseBody.takeBytes()
                for transform in transforms { chunk = try transform.transformChunk(chunk, finishing: isComplete) }
                connection.responseBody.append(chunk)
            } catch {
                fail(error)
            }
        }

        private func transformHead(_ connection: HTTPConnection, finishing: Bool) throws {
            guard !transforms.isEmpty, connection.head.allowsBody else { return }
            var chunk = connection.responseBody.takeBytes()
            for transform in transforms {
                chunk = try transform.transformFirstChunk(handler, chunk, finishing: finishing)
            }
            // The length that the handler declared was that of its own bytes.
            if finishing { connection.removeField(.contentLength) }
            connection.responseBody.append(chunk)
        }

        /// Closes the connection, because half of a response cannot be sent: this tells the client that the response is
        /// incomplete.
        private func fail(_ error: any Error) {
            handler.logException(error)
            handler.connection.abort()
        }
    }
}

extension RequestHandler {
    /// Calls `function` when the response's head is about to be sent, by `finish`, `flush` or for an error: the last moment
    /// at which status and header fields can be changed, and the first at which the status is known. Of several functions,
    /// the one that was added last is called first. Without effect once the head is sent.
    public final func beforeHead(_ function: @escaping (RequestHandler) throws -> Void) {
        connection.checkThread("RequestHandler.beforeHead")
        madeResponseCourse.beforeHead.append(function)
    }

    /// Adds a transform of the response's body, behind those that it has. Without effect once the head is sent.
    public final func addTransform(_ transform: any OutputTransform) {
        connection.checkThread("RequestHandler.addTransform")
        guard !connection.isHeadSent else { return }
        madeResponseCourse.transforms.append(transform)
    }

    final var madeResponseCourse: ResponseCourse {
        if let course = connection.filter as? ResponseCourse { return course }
        let made = ResponseCourse(self)
        connection.filter = made
        return made
    }
}
