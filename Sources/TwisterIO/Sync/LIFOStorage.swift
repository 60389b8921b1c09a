/// Last in, first out.
struct LIFOStorage<Element: Sendable>: QueueStorage {
    private var elements: [Element] = []
    var count: Int { elements.count }
    mutating func insert(_ element: Element) { elements.append(element) }
    mutating func removeNext() -> Element? { elements.popLast() }
}
