import Glibc

extension IOLoop {
    /// What a descriptor is ready for. Tornado: `IOLoop.READ`, `WRITE`, `ERROR`, with the same numbers.
    public struct Events: OptionSet, Sendable {
        public let rawValue: CInt
        public init(rawValue: CInt) { self.rawValue = rawValue }

        /// There is something to read, or the end of it.
        public static let read = Events(rawValue: 0x001)
        /// There is room to write.
        public static let write = Events(rawValue: 0x004)
        /// An error or a hang-up; always watched for.
        public static let error = Events(rawValue: 0x018)
    }

    /// Calls `handler` on each turn in which `fd` (socket, pipe, eventfd, timerfd: anything pollable) is ready for one of
    /// `events`, or in error. The descriptor stays the caller's. What the handler throws is logged. On the loop's thread.
    ///
    /// - Throws: `IOError` with `EEXIST` where `fd` has a handler, `EPERM` where it cannot be polled.
    ///
    /// Tornado: `IOLoop.add_handler`.
    public func addHandler(
        _ fd: CInt, _ events: Events, _ handler: @escaping (_ fd: CInt, _ events: Events) throws -> Void
    ) throws(IOError) {
        preconditionOnLoop()
        guard watches[fd] == nil else {
            throw IOError(errno: EEXIST, "descriptor \(fd) has a handler already")
        }
        watches[fd] = try Watch(reactor, fd, events.rawValue) { [self] mask in
            runCallback { try handler(fd, Events(rawValue: mask)) }
        }
    }

    /// Replaces the events that `fd`'s handler waits for.
    ///
    /// - Throws: `IOError` with `ENOENT` where it has none.
    ///
    /// Tornado: `IOLoop.update_handler`.
    public func updateHandler(_ fd: CInt, _ events: Events) throws(IOError) {
        preconditionOnLoop()
        guard let watch = watches[fd] else {
            throw IOError(errno: ENOENT, "descriptor \(fd) has no handler")
        }
        try reactor.updateWatch(watch.handle, events.rawValue)
    }

    /// Removes `fd`'s handler, which is not called again, even for an event of the batch under way. Without one: ignored.
    ///
    /// Tornado: `IOLoop.remove_handler`.
    public func removeHandler(_ fd: CInt) {
        preconditionOnLoop()
        guard let watch = watches.removeValue(forKey: fd) else { return }
        cancel(watch)
    }

    func cancel(_ watch: Watch) {
        watch.cancel(reactor)
        // The batch under way may still point to it: it stays alive until the next turn.
        addLocalCallback { withExtendedLifetime(watch) {} }
    }
}

/// A watched descriptor.
final class Watch: ReactorOwner {
    private var body: ((CInt) -> Void)?

    /// - Parameter body: gets the mask of what the descriptor is ready for, on each turn in which it is.
    init(_ reactor: Reactor, _ fd: CInt, _ mask: CInt, _ body: @escaping (CInt) -> Void) throws(IOError) {
        self.body = body
        super.init()
        handle = try reactor.watch(fd, mask, self)
    }

    override func ready(_ handle: Reactor.Handle, _ mask: CInt) {
        // An event of the batch that was fetched before the handler was removed has no one to go to.
        if handle == self.handle { body?(mask) }
    }

    func cancel(_ reactor: Reactor) {
        body = nil
        reactor.unwatch(handle)
    }
}
