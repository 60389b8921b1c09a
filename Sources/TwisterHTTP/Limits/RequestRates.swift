/// The token buckets of many clients, in a fixed room.
///
/// A client is an address (`ClientPrefix`), or whatever else tells clients apart. Its hash gives the few places where its
/// bucket can be. Where all of them are taken, the client that owes the least is forgotten, which gives it a full bucket:
/// mostly its bucket had long been full again. So no client is refused for lack of memory, and clients that send little do
/// not make the table forget one that sends much. With more clients at once than there is room for, some get more than the
/// rate.
package struct RequestRates<Client: Hashable & Sendable>: Sendable {
    private struct Bucket {
        var client: Client?
        var paidUntil: UInt64 = 0
    }

    private static var placesForEach: Int { 8 }

    private let rate: RequestRate
    private var buckets: [Bucket]

    /// - Parameter capacity: most clients that are known at once.
    package init(_ rate: RequestRate, capacity: Int) {
        self.rate = rate
        let sets = max(capacity / Self.placesForEach, 1)
        buckets = Array(repeating: Bucket(), count: sets * Self.placesForEach)
    }

    /// Takes a token of the client where there is one. Returns 0, or after how many nanoseconds there is one.
    package mutating func take(_ client: Client, at now: UInt64) -> UInt64 {
        let index = place(of: client)
        if buckets[index].client != client { buckets[index] = Bucket(client: client) }
        return rate.take(&buckets[index].paidUntil, at: now)
    }

    /// The client's remaining tokens.
    package func balance(of client: Client, at now: UInt64) -> RequestRate.Balance {
        let bucket = buckets[place(of: client)]
        return rate.balance(bucket.client == client ? bucket.paidUntil : 0, at: now)
    }

    /// Where the client's bucket is or, for a new one, can be.
    private func place(of client: Client) -> Int {
        // The hash's seed differs from process to process: nobody can choose addresses that share one place.
        let set = Int(UInt(bitPattern: client.hashValue) % UInt(buckets.count / Self.placesForEach))
        let first = set * Self.placesForEach
        var least = first
        for index in first..<(first + Self.placesForEach) {
            if buckets[index].client == client { return index }
            if buckets[index].paidUntil < buckets[least].paidUntil { least = index }
        }
        return least
    }
}

/// A token bucket, as a pure function of time: `burst` tokens, of which each request takes one, and which come back at an
/// even rate.
///
/// Only one time is kept of a client: until when its requests are paid for. Each request moves it on by the interval
/// between two. It may lie ahead of now by what a burst costs (ITU-T I.371: the generic cell rate algorithm).
package struct RequestRate: Sendable {
    /// Nanoseconds that a token takes to come back.
    private let interval: UInt64
    /// How far ahead of now a client may be when it asks.
    private let tolerance: UInt64

    package init(perSecond rate: Double, burst: Int) {
        // Once in thirty years is the least, so that sums with a clock's time stay in range.
        interval = UInt64(min(max(1e9 / rate, 1), 1e18))
        let (product, isOver) = interval.multipliedReportingOverflow(by: UInt64(max(burst, 1) - 1))
        tolerance = isOver ? 1 << 62 : min(product, 1 << 62)
    }

    /// Takes a token where there is one. Returns 0, or after how many nanoseconds there is one.
    package func take(_ paidUntil: inout UInt64, at now: UInt64) -> UInt64 {
        let start = max(paidUntil, now)
        let ahead = start - now
        guard ahead <= tolerance else { return ahead - tolerance }
        let (end, isOver) = start.addingReportingOverflow(interval)
        paidUntil = isOver ? .max : end
        return 0
    }

    /// The remaining tokens of a client.
    package struct Balance: Equatable, Sendable {
        /// How many requests would be admitted now.
        package var tokens: Int
        /// After how many nanoseconds all tokens have come back.
        package var fullAfter: UInt64
    }

    package func balance(_ paidUntil: UInt64, at now: UInt64) -> Balance {
        let ahead = paidUntil > now ? paidUntil - now : 0
        guard ahead <= tolerance else { return Balance(tokens: 0, fullAfter: ahead) }
        return Balance(tokens: Int(clamping: (tolerance - ahead) / interval) + 1, fullAfter: ahead)
    }
}
