/// The streams of a loop: the open ones, and those that have something to be done in the turn under way.
struct LoopStreams {
    /// The open streams, which the loop keeps alive until the reactor has closed them, by the slot of their handle.
    private var open: ContiguousArray<ReactorOwner?> = []
    private(set) var count = 0
    /// Streams with output that is to be sent at the end of the turn.
    var gathered: ContiguousArray<ReactorOwner> = []
    /// Whether carriers got output, which other streams send (`StreamCarrier`).
    var hasCarriedOutput = false
    /// Whether filters got output of their streams since the next deadline was looked up.
    var hasCalledFilters = false
    /// Streams whose unread bytes lie in a pool buffer.
    var holding: ContiguousArray<ReactorOwner> = []
    /// Handles of streams whose deadlines have passed, to be judged once everything that had arrived was read.
    var overdue: ContiguousArray<Reactor.Handle> = []
    /// For how many turns in a row deadlines were put off.
    var deferrals = 0
    let outputs = OutputPool()
    /// When it was last logged that streams are closed because memory is short, in nanoseconds of the loop's clock; 0: never.
    var shortageLoggedAt: UInt64 = 0
    /// Whether memory is about to be given back to the system.
    var isTrimDue = false

    mutating func insert(_ stream: ReactorOwner) {
        let slot = Self.slot(stream.handle)
        while open.count <= slot { open.append(nil) }
        open[slot] = stream
        count += 1
    }

    mutating func remove(_ stream: ReactorOwner) {
        let slot = Self.slot(stream.handle)
        guard slot < open.count, open[slot] === stream else { return }
        open[slot] = nil
        count -= 1
        // Memory that many connections took is given back when the last of them has closed.
        if count == 0, open.count > 1024 { open = [] }
    }

    /// The open stream with this handle.
    subscript(handle: Reactor.Handle) -> ReactorOwner? {
        let slot = Self.slot(handle)
        guard slot < open.count, let stream = open[slot], stream.handle == handle else { return nil }
        return stream
    }

    var all: [ReactorOwner] { open.compactMap { $0 } }

    private static func slot(_ handle: Reactor.Handle) -> Int { Int(handle & 0xFFFF_FFFF) }
}
