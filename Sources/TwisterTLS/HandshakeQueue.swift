/// A handshake under way.
protocol HandshakeUnderWay: AnyObject {
    /// Ends the handshake, to make room for later ones.
    func giveUpHandshake()
}

/// The handshakes under way of one server on one loop, in the order in which they began. Over the limit, the oldest handshake
/// ends: a client that stops within its handshake is always older than those that go on.
final class HandshakeQueue {
    private let limit: Int
    private var handshakes: [UInt64: any HandshakeUnderWay] = [:]
    private var lastNumber: UInt64 = 0
    /// No handshake with a lower number is under way.
    private var oldestNumber: UInt64 = 1

    init(limit: Int) { self.limit = max(limit, 1) }

    var count: Int { handshakes.count }

    /// Begins a handshake. Returns the number by which it ends.
    func begin(_ handshake: any HandshakeUnderWay) -> UInt64 {
        if handshakes.count >= limit { endOldest() }
        lastNumber += 1
        handshakes[lastNumber] = handshake
        return lastNumber
    }

    func end(_ number: UInt64) {
        handshakes[number] = nil
        if handshakes.isEmpty { oldestNumber = lastNumber + 1 }
    }

    private func endOldest() {
        while oldestNumber <= lastNumber {
            let oldest = handshakes.removeValue(forKey: oldestNumber)
            // Counted before the handshake ends, because its end may change the number, too.
            oldestNumber += 1
            if let oldest { return oldest.giveUpHandshake() }
        }
    }
}
