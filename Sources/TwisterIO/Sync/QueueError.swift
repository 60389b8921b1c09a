/// What a queue refuses at once.
public enum QueueError: Error, CustomStringConvertible, Sendable {
    /// `getNowait` on a queue that holds nothing. Tornado: `queues.QueueEmpty`.
    case empty
    /// `putNowait` on a queue that is full. Tornado: `queues.QueueFull`.
    case full
    /// `taskDone` was called more often than elements were put.
    case tooManyTasksDone

    public var description: String {
        switch self {
        case .empty: "the queue is empty"
        case .full: "the queue is full"
        case .tooManyTasksDone: "taskDone() was called more often than elements were put"
        }
    }
}
