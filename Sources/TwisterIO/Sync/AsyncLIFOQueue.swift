/// A queue that gives out the newest element first.
///
/// Tornado: `queues.LifoQueue`.
public final class AsyncLIFOQueue<Element: Sendable>: AsyncQueue<Element>, @unchecked Sendable {
    /// - Parameter maxSize: how many elements it holds at most, 1 or more; nil: any number.
    public init(maxSize: Int? = nil) { super.init(maxSize: maxSize, storage: LIFOStorage<Element>()) }
}
