import Synchronization
import Twister

/// All customers of a measurement. They wait until every one is connected, and then begin together.
final class Crowd: Sendable {
    let size: Int
    private let inside = Atomic(0)
    private let served = Atomic(0)
    private let isComplete = AsyncEvent()
    private let opening = AsyncEvent()

    init(_ size: Int) { self.size = size }

    /// The number of customers that were served.
    var servedCount: Int { served.load(ordering: .acquiring) }

    /// Called by a connected customer; returns when all may begin.
    func enter() async throws {
        if inside.add(1, ordering: .acquiringAndReleasing).newValue == size { isComplete.set() }
        try await opening.wait()
    }

    func leave() { served.add(1, ordering: .acquiringAndReleasing) }

    /// Waits until every customer is connected.
    func gather() async throws { try await isComplete.wait(timeout: .seconds(60)) }

    func open() { opening.set() }
}
