/// How the shutdown of a server went.
public struct ShutdownResult: Sendable {
    /// A request that the shutdown has cut.
    public struct Cut: Sendable, CustomStringConvertible {
        /// The method and the target, with characters beyond ASCII percent-encoded.
        public let request: String
        /// The pattern of the route that served it; nil for a delegate without routes.
        public let route: String?
        /// The name of the handler's type; nil for a delegate that has none.
        public let handler: String?
        /// Since its head was read.
        public let age: Duration

        public var description: String {
            let by = handler.map { " by \($0)" } ?? ""
            let route = route.map { " (route \($0))" } ?? ""
            let milliseconds = age / Duration.milliseconds(1)
            return "\(request)\(by)\(route), \(Int(milliseconds)) ms old"
        }
    }

    /// Connections, and handlers that went on although their clients had disconnected, that ended by themselves. Handlers that
    /// go on after their responses are complete are not waited for.
    public internal(set) var finished = 0
    /// Connections and handlers that were cut at the deadline.
    public internal(set) var forced = 0
    /// The requests that were cut, with their routes.
    public internal(set) var cut: [Cut] = []
    /// Loops whose threads were blocked at the end, each with the name of the handler that blocks it, if it is known. Nothing
    /// can end such a thread but the end of the process.
    public internal(set) var blocked: [String] = []

    /// Whether nothing was cut.
    public var isClean: Bool { forced == 0 && cut.isEmpty && blocked.isEmpty }

    package init() {}

    mutating func add(_ other: ShutdownResult) {
        finished += other.finished
        forced += other.forced
        cut += other.cut
        blocked += other.blocked
    }
}
