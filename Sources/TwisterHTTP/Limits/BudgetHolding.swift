package import TwisterIO

/// A client's share of a server's budget of bytes, and whether the client makes progress. Where the budget is used up, the
/// server gives up clients in an order that follows from this.
///
/// Clients that stand still are given up first: the product of a client's bytes and its time without progress decides. Clients
/// that send a part of a request and then nothing therefore cannot keep the budget from others. Of the clients that make
/// progress, the slowest one is given up first.
package struct BudgetHolding {
    /// Bytes in memory.
    package let bytes: Int
    /// For how long the client has owed its next bytes, or has taken none of the output, in nanoseconds; 0: it goes on.
    let stillFor: UInt64
    /// How fast the client has sent its request, in bytes a second. `Int.max` where the server does not wait for the client.
    let rate: Int

    /// A client that sends nothing of its body for this long, in nanoseconds, stands still.
    private static let bodyGrace: UInt64 = 1_000_000_000

    /// Bytes for which the server does not wait for the client.
    package init(bytes: Int) {
        self.bytes = bytes
        stillFor = 0
        rate = .max
    }

    /// A body or a message of which a part is missing.
    ///
    /// - Parameters:
    ///   - received: how many bytes of it have come.
    ///   - time: in how many nanoseconds they have come.
    ///   - late: for how long, in nanoseconds, the client has owed more.
    package init(bytes: Int, received: Int, in time: UInt64, late: UInt64) {
        self.bytes = bytes
        stillFor = late >= Self.bodyGrace ? late : 0
        let (scaled, isOver) = UInt64(clamping: received).multipliedReportingOverflow(by: 1_000_000_000)
        // `Int.max` is left to clients that are not waited for.
        rate = isOver ? .max - 1 : Int(clamping: min(scaled / max(time, 1), UInt64(Int.max - 1)))
    }

    /// Output that waits for the client.
    ///
    /// - Parameter still: for how long, in nanoseconds, the client has taken none of it.
    package init(bytes: Int, outputStillFor still: UInt64, _ deadlines: Deadlines) {
        self.bytes = bytes
        // The kernel takes output in large pieces, between which a client that reads slowly seems to stand still.
        stillFor = still >= deadlines.lookInterval ? still : 0
        rate = .max
    }

    /// Output that waits on a stream; nil where the client takes what it gets.
    package init?(bytes: Int, outputOf stream: IOStream, _ deadlines: Deadlines, at now: UInt64) {
        guard stream.isOverHighWatermark, let taken = stream.outputTakenAt else { return nil }
        self.init(bytes: bytes, outputStillFor: now &- min(taken, now), deadlines)
    }

    /// Whether the client stands still.
    package var isStill: Bool { stillFor > 0 }

    /// Whether this client is given up before the other one.
    package func goes(before other: BudgetHolding) -> Bool {
        if isStill || other.isStill { return waste > other.waste }
        return rate == other.rate ? bytes > other.bytes : rate < other.rate
    }

    /// The client's bytes, times its time without progress.
    private var waste: Double { Double(bytes) * Double(stillFor) }
}
