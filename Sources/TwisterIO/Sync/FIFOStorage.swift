/// First in, first out. Its queue guards it.
final class FIFOStorage<Element: Sendable>: QueueStorage, @unchecked Sendable {
    private var elements = FIFO<Element>()
    var count: Int { elements.count }
    func insert(_ element: Element) { elements.append(element) }
    func removeNext() -> Element? { elements.popFirst() }
}
