/// First in, first out.
struct FIFOStorage<Element: Sendable>: QueueStorage {
    private var elements = FIFO<Element>()
    var count: Int { elements.count }
    mutating func insert(_ element: Element) { elements.append(element) }
    mutating func removeNext() -> Element? { elements.popFirst() }
}
