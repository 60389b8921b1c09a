/// What a loop cannot do.
public enum IOLoopError: Error, CustomStringConvertible, Sendable {
    /// The loop was stopped before the work was done.
    case stopped
    /// The loop was closed before the work was done, or ever begun.
    case closed

    public var description: String {
        switch self {
        case .stopped: "the loop was stopped before the work was done"
        case .closed: "the loop is closed"
        }
    }
}
