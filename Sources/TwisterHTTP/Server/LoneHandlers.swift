/// A handler whose connection has closed.
package protocol LoneHandler: AnyObject {
    /// Tells it that the server shuts down.
    func tellShutdown()
    var requestUnderWay: ShutdownResult.Cut? { get }
    /// Cancels its task.
    func cancel()
}

/// The handlers of one server that go on although their clients have disconnected.
package final class LoneHandlers {
    private struct Reference {
        weak var handler: (any LoneHandler)?
    }

    private var references: [ObjectIdentifier: Reference] = [:]
    /// Called each time the last of them has returned.
    var emptied: () -> Void = {}

    package init() {}

    var count: Int { references.count }
    var isEmpty: Bool { references.isEmpty }
    var all: [any LoneHandler] { references.values.compactMap(\.handler) }

    package func insert(_ handler: any LoneHandler) {
        references[ObjectIdentifier(handler)] = Reference(handler: handler)
    }

    package func remove(_ handler: any LoneHandler) {
        guard references.removeValue(forKey: ObjectIdentifier(handler)) != nil, references.isEmpty else { return }
        emptied()
    }
}
