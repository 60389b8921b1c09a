import Glibc
import Logging

/// Accepts on one listening socket of a loop. Tornado: what `netutil.add_accept_handler` returns.
final class Acceptor: ReactorOwner {
    let fd: CInt
    private let loop: IOLoop
    private var accept: ((IOStream) -> Void)?
    /// When a pause was last logged, in nanoseconds of the loop's clock; nil: never. Under load, pauses may follow one another.
    private var loggedAt: UInt64?

    /// - Parameter accept: gets each new stream, on the loop's thread.
    init(_ loop: IOLoop, _ fd: CInt, accept: @escaping (IOStream) -> Void) throws(IOError) {
        self.loop = loop
        self.fd = fd
        self.accept = accept
        super.init()
        handle = try loop.reactor.listen(fd, self)
    }

    override func accepted(_ connection: Reactor.Handle, _ result: CInt) {
        guard result >= 0 else {
            let now = loop.now
            if let loggedAt, now &- loggedAt < 1_000_000_000 { return }
            loggedAt = now
            // ENOBUFS stands for the loop's own limit of connections, which has no error number.
            let reason = -result == ENOBUFS ? "all connections are in use" : "\(IOError(errno: -result, "accept"))"
            return Log.general.warning("Accepting pauses: \(reason); it resumes by itself when one closes")
        }
        guard let accept else { return loop.reactor.close(connection) }
        accept(IOStream(loop, accepted: connection))
    }

    /// Hands out a connection that was accepted without the reactor.
    func take(_ stream: IOStream) {
        if let accept { accept(stream) } else { stream.close() }
    }

    /// Stops accepting; the listening socket is left open.
    func cancel() {
        guard accept.take() != nil else { return }
        loop.reactor.closeListener(handle)
        // The batch under way may still point here: the acceptor stays alive until the next turn.
        loop.addLocalCallback { withExtendedLifetime(self) {} }
    }
}
