/// What a queue holds, and which element is next.
protocol QueueStorage<Element>: Sendable {
    associatedtype Element: Sendable
    var count: Int { get }
    mutating func insert(_ element: Element)
    mutating func removeNext() -> Element?
}
