import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Releasing the exchange of a request, for a handler that lives much longer than its request: that of a WebSocket.
extension RequestHandler {
    /// Whether the handler has released its exchange.
    package final var isRequestReleased: Bool { exchange == nil }

    /// Releases the exchange, with the request and the response that it holds, unless somebody else uses it. `request` then
    /// ends the program with a message. The loop, the path's arguments, the logger and the application's services can still be
    /// used.
    package final func releaseRequest() {
        guard let exchange, exchange.isUniquelyReferenced else { return }
        // The request's identifier in logs stays the one that the client or the server has given.
        let given = exchange._withUnsafeGuaranteedRef { $0.givenRequestID }
        guard let owner = exchange._withUnsafeGuaranteedRef({ $0.onlyOwner }) else { return }
        if let given { madeExtras.requestID = given }
        detachedContext = Unmanaged.passRetained(DetachedContext.of(loop, owner))
        self.exchange = nil
        exchange.release()
    }

    /// Ends the program with a message where the caller is not on the thread of the handler's loop.
    @inline(__always)
    package final func checkThread(_ function: StaticString) {
        if let exchange {
            exchange._withUnsafeGuaranteedRef { $0.checkThread(function) }
        } else {
            detachedContext?._withUnsafeGuaranteedRef { $0.loop.preconditionOnLoop(function) }
        }
    }

    @inline(never)
    final func failWithoutRequest() -> Never {
        fatalError(
            """
            \(type(of: self)) uses its request, or its response, after open() has returned, and its class says keepsRequest == false. \
            Keep what is needed in a variable of the handler, or return true from keepsRequest.
            """)
    }
}

/// The loop and the application of handlers that have released their exchanges. All such handlers of an application on one loop
/// share one object.
final class DetachedContext {
    let loop: IOLoop
    /// The application, which keeps alive the objects that the handlers use unretained.
    private let owner: AnyObject

    private init(_ loop: IOLoop, _ owner: AnyObject) {
        self.loop = loop
        self.owner = owner
    }

    /// The object that was made last on each loop, by a weak reference.
    private final class Last {
        weak var context: DetachedContext?
    }

    static func of(_ loop: IOLoop, _ owner: AnyObject) -> DetachedContext {
        let last = loop.local { Last() }
        if let known = last.context, known.owner === owner { return known }
        let made = DetachedContext(loop, owner)
        last.context = made
        return made
    }
}
