import Synchronization
import Twister

/// Everybody who takes part: they wait for each other at the entrance and begin at once.
final class Crowd: Sendable {
    let size: Int
    private let inside = Atomic(0)
    private let served = Atomic(0)
    private let isComplete = AsyncEvent()
    private let opening = AsyncEvent()

    init(_ size: Int) { self.size = size }

    /// How many have been served.
    var servedCount: Int { served.load(ordering: .acquiring) }

    /// Comes in, and waits until it opens.
    func enter() async throws {
        if inside.add(1, ordering: .acquiringAndReleasing).newValue == size { isComplete.set() }
        try await opening.wait()
    }

    func leave() { served.add(1, ordering: .acquiringAndReleasing) }

    /// Waits until all are in.
    func gather() async throws { try await isComplete.wait(timeout: .seconds(60)) }

    func open() { opening.set() }
}
