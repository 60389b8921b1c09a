import TwisterIO

/// A list of events in their order, from any thread.
final class Trace: Sendable {
    private let entries = ConditionLock<[String]>([])

    func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }

    /// Returns the events so far and removes them.
    func take() -> [String] {
        entries.withLock { entries in
            defer { entries = [] }
            return entries
        }
    }

    /// Waits until so many entries are there, five seconds at most.
    func wait(for count: Int) async throws {
        for _ in 0..<2_500 where all.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }
}
