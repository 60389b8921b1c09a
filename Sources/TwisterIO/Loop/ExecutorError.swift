/// What an `ExecutorPool` refuses.
public enum ExecutorError: Error, CustomStringConvertible, Sendable {
    /// As much work waits for a thread as the pool was told to hold.
    case queueFull(limit: Int)
    /// The pool was shut down, perhaps with the loop that it belonged to.
    case shutDown
    /// No thread could be started.
    case noThread(IOError)

    public var description: String {
        switch self {
        case .queueFull(let limit): "the executor's queue is full: \(limit) wait for a thread"
        case .shutDown: "the executor is shut down"
        case .noThread(let error): "the executor has no thread: \(error)"
        }
    }
}
