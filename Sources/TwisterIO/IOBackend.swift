/// How a loop talks to the kernel.
///
/// Chosen, in this order, by `IOLoop.Configuration.backend`, by the environment variable `TWISTER_BACKEND`
/// (`auto`, `io_uring` or `epoll`), else `auto`.
public enum IOBackend: String, Sendable, CaseIterable, CustomStringConvertible {
    /// io_uring where all of it works, else epoll, with the reason in the log.
    case auto
    /// io_uring or an error that says why not.
    case ioUring = "io_uring"
    case epoll

    public var description: String { rawValue }
}
