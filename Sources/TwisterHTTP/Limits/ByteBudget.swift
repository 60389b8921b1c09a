import Synchronization

/// How many bytes all connections of a server's loops may hold together: bodies that are collected or wait for their
/// handlers, unread requests, answers that their clients don't take.
///
/// A few KiB for each connection are not counted, so that ordinary requests have nothing to do with it.
package final class ByteBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// Counts bytes that are held from now on, or (negative) no more.
    func change(by count: Int) { used.wrappingAdd(count, ordering: .relaxed) }

    var isExceeded: Bool { used.load(ordering: .relaxed) > limit }

    /// Bytes held now.
    package var held: Int { used.load(ordering: .relaxed) }
}
