/// A handshake under way.
protocol HandshakeUnderWay: AnyObject {
    /// Ends the handshake, to make room for later ones.
    func giveUpHandshake()
}

/// The handshakes under way of one server on one loop, in the order in which they began. Over the limit, the oldest handshake
/// ends: a client that stops within its handshake is always older than those that go on.
final class HandshakeQueue {
    private struct Entry {
        let handshake: any HandshakeUnderWay
        /// Bytes of a first message that is not complete.
        var heldBytes = 0
    }

    private let limit: Int
    /// The most bytes of all first messages that are not complete.
    private let byteLimit: Int
    private var handshakes: [UInt64: Entry] = [:]
    private var heldBytes = 0
    private var lastNumber: UInt64 = 0
    /// No handshake with a lower number is under way.
    private var oldestNumber: UInt64 = 1

    /// The most bytes of incomplete first messages for each handshake, on the average. A message has 2 KiB or less, and most
    /// come as a whole.
    private static let averageBytes = 4096

    init(limit: Int) {
        self.limit = max(limit, 1)
        // One message of the greatest length has room in any case.
        byteLimit = max(self.limit.multipliedReportingOverflow(by: Self.averageBytes).partialValue, 131_072)
    }

    var count: Int { handshakes.count }

    /// Begins a handshake. Returns the number by which it ends.
    func begin(_ handshake: any HandshakeUnderWay) -> UInt64 {
        if handshakes.count >= limit { endOldest() }
        lastNumber += 1
        handshakes[lastNumber] = Entry(handshake: handshake)
        return lastNumber
    }

    /// The handshake holds so many bytes of its client's first message now. Where all of them hold too much, the oldest one
    /// that holds something ends, which may be this one.
    func hold(_ number: UInt64, _ bytes: Int) {
        guard let before = handshakes[number]?.heldBytes else { return }
        handshakes[number]?.heldBytes = bytes
        heldBytes += bytes - before
        while heldBytes > byteLimit, let oldest = handshakes.lazy.filter({ $0.value.heldBytes > 0 }).map(\.key).min() {
            remove(oldest)?.giveUpHandshake()
        }
    }

    func end(_ number: UInt64) {
        remove(number)
        if handshakes.isEmpty { oldestNumber = lastNumber + 1 }
    }

    @discardableResult
    private func remove(_ number: UInt64) -> (any HandshakeUnderWay)? {
        guard let removed = handshakes.removeValue(forKey: number) else { return nil }
        heldBytes -= removed.heldBytes
        return removed.handshake
    }

    private func endOldest() {
        while oldestNumber <= lastNumber {
            let oldest = remove(oldestNumber)
            // Counted before the handshake ends, because its end may change the number, too.
            oldestNumber += 1
            if let oldest { return oldest.giveUpHandshake() }
        }
    }
}
