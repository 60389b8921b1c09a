/// How often something was refused, told once a second at most, however often that is.
struct RefusalLog: Sendable {
    struct Line: Equatable, Sendable {
        var connections = 0
        var requests = 0
    }

    private static let interval: UInt64 = 1_000_000_000

    private var untold = Line()
    private var toldAt: UInt64?

    /// Answers what is to be told now: everything since the last line.
    mutating func count(connections: Int = 0, requests: Int = 0, at now: UInt64) -> Line? {
        untold.connections &+= connections
        untold.requests &+= requests
        // Loops look at their clocks once a turn: another one's may have told something later than now.
        if let toldAt, now < toldAt &+ Self.interval { return nil }
        toldAt = now
        defer { untold = Line() }
        return untold
    }
}
