/// What a future or promise refuses.
public enum FutureError: Error, CustomStringConvertible, Sendable {
    /// The promise was kept, broken or cancelled before. Tornado: `asyncio.InvalidStateError`.
    case alreadyDone
    /// Every reference to the promise is gone and nobody has kept it: its future would never be done.
    case abandoned

    public var description: String {
        switch self {
        case .alreadyDone: "the future is done already"
        case .abandoned: "the promise was dropped without a result"
        }
    }
}
