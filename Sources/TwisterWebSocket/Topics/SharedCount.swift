import Synchronization

/// A number that several threads add to.
final class SharedCount: Sendable {
    private let value = Atomic<Int>(0)

    func add(_ count: Int = 1) { value.wrappingAdd(count, ordering: .relaxed) }

    var current: Int { value.load(ordering: .relaxed) }
}
