/// A bounded semaphore or a lock was released more often than it was acquired.
public struct OverReleaseError: Error, CustomStringConvertible, Sendable {
    public init() {}

    public var description: String { "released more often than acquired" }
}
