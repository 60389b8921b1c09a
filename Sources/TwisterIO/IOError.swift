import Glibc

/// A system call's refusal.
public struct IOError: Error, CustomStringConvertible, Sendable {
    /// The error number, as in errno(3).
    public let errnoCode: CInt
    /// What was tried.
    public let operation: String

    public init(errno code: CInt, _ operation: String) {
        errnoCode = code
        self.operation = operation
    }

    public var description: String {
        "\(operation): \(String(cString: strerror(errnoCode))) (errno \(errnoCode))"
    }
}
