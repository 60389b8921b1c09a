/// A queue that gives out the smallest element first, equal ones in the order in which they were put.
///
/// Tornado: `queues.PriorityQueue`.
public final class AsyncPriorityQueue<Element: Sendable>: AsyncQueue<Element>, @unchecked Sendable {
    /// - Parameters:
    ///   - maxSize: how many elements it holds at most, 1 or more; nil: any number.
    ///   - areInIncreasingOrder: whether the first comes out before the second; a strict weak ordering. It runs under the
    ///     queue's lock and must not use the queue.
    public init(maxSize: Int? = nil, by areInIncreasingOrder: @escaping @Sendable (Element, Element) -> Bool) {
        super.init(maxSize: maxSize, storage: PriorityStorage(areInIncreasingOrder))
    }
}

extension AsyncPriorityQueue where Element: Comparable {
    /// - Parameter maxSize: how many elements it holds at most, 1 or more; nil: any number.
    public convenience init(maxSize: Int? = nil) { self.init(maxSize: maxSize, by: { $0 < $1 }) }
}
