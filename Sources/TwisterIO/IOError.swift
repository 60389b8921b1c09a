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
        "\(operation): \(Self.text(of: errnoCode)) (errno \(errnoCode))"
    }

    /// The meaning of the error number `code`, in words; never empty. May be called from any thread.
    static func text(of code: CInt) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { room in
            guard let base = room.baseAddress else { return "error \(code)" }
            base.pointee = 0
            // Another thread's call of strerror(3) may overwrite the text of an unknown number.
            _ = strerror_r(code, base, room.count)
            return base.pointee == 0 ? "error \(code)" : String(cString: base)
        }
    }
}

extension IOError {
    /// Whether a file that was to be made exists (`EEXIST`).
    package var saysFileExists: Bool { errnoCode == EEXIST }

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
