import Glibc

/// The error of a system call.
public struct IOError: Error, CustomStringConvertible, Sendable {
    /// The error number, as in errno(3).
    public let errnoCode: CInt
    /// The operation that failed.
    public let operation: String

    public init(errno code: CInt, _ operation: String) {
        errnoCode = code
        self.operation = operation
    }

    public var description: String {
        "\(operation): \(String(cString: strerror(errnoCode))) (errno \(errnoCode))"
    }
}

extension IOError {
    /// The kinds of errors of opening a file, for choosing a response.
    package enum FileProblem: Sendable {
        case missing
        /// The file lies outside of the root, is not readable, is behind a loop of symbolic links, or is a device or a socket.
        case forbidden
        /// No descriptor or memory is left.
        case exhausted
        case other
    }

    /// The kind of error, if opening a file failed with it.
    package var fileProblem: FileProblem {
        switch errnoCode {
        case ENOENT, ENOTDIR, ENAMETOOLONG: .missing
        case EXDEV, EACCES, EPERM, ELOOP, ENXIO, ENODEV: .forbidden
        case EMFILE, ENFILE, ENOMEM: .exhausted
        default: .other
        }
    }
}
