import Glibc

extension IOError {
    /// What a file that could not be opened is to who asked for it.
    package enum FileProblem: Sendable {
        case missing
        /// It lies outside, or is not readable, or behind a circle of links, or is a device or a socket.
        case forbidden
        /// There is no descriptor left.
        case exhausted
        case other
    }

    package var fileProblem: FileProblem {
        switch errnoCode {
        case ENOENT, ENOTDIR, ENAMETOOLONG: .missing
        case EXDEV, EACCES, EPERM, ELOOP, ENXIO, ENODEV: .forbidden
        case EMFILE, ENFILE, ENOMEM: .exhausted
        default: .other
        }
    }
}
