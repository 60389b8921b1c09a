/// The token buckets of many clients, in a fixed room.
///
/// A client's hash gives the few places where its bucket can be. Where all of them are taken, the client that owes the
/// least is forgotten, which gives it a full bucket: mostly one that has been full again for long. So nobody is refused
/// for want of room, and who sends much is not forgotten by others' sending little; with more clients at once than there
/// is room for, some get more than the rate.
package struct RequestRates: Sendable {
    private struct Bucket {
        var client: ClientPrefix?
        var paidUntil: UInt64 = 0
    }

    private static let placesForEach = 8

    private let rate: RequestRate
    private var buckets: [Bucket]

    /// - Parameter capacity: most clients that are known at once.
    package init(_ rate: RequestRate, capacity: Int) {
        self.rate = rate
        let sets = max(capacity / Self.placesForEach, 1)
        buckets = Array(repeating: Bucket(), count: sets * Self.placesForEach)
    }

    /// Takes a token of the client's where there is one. Answers 0, or how many nanoseconds later there is one.
    package mutating func take(_ client: ClientPrefix, at now: UInt64) -> UInt64 {
        let index = place(of: client)
        if buckets[index].client != client { buckets[index] = Bucket(client: client) }
        return rate.take(&buckets[index].paidUntil, at: now)
    }

    /// Where the client's bucket is or, for a new one, can be.
    private func place(of client: ClientPrefix) -> Int {
        // The hash's seed is the process's own: nobody can choose addresses that meet in one place.
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
