import Glibc

/// How a program has ended.
public enum ProcessExit: Sendable, Equatable, CustomStringConvertible {
    /// With this exit status, 0 to 255.
    case status(Int32)
    /// By this signal.
    case signal(Int32)
    /// Unknown, because another part of this process has collected the exit status, or has SIGCHLD ignored.
    case unknown

    /// The exit status, or the negative number of the signal; nil if unknown.
    ///
    /// Tornado: the `returncode`.
    public var code: Int32? {
        switch self {
        case .status(let status): status
        case .signal(let signal): -signal
        case .unknown: nil
        }
    }

    public var description: String {
        switch self {
        case .status(let status): "status \(status)"
        case .signal(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
        case .unknown: "unknown status"
        }
    }
}

/// A program ended with another status than 0, or by a signal.
///
/// Tornado: `process.CalledProcessError`.
public struct CalledProcessError: Error, CustomStringConvertible, Sendable, Equatable {
    /// The program and its arguments. Tornado: `CalledProcessError.cmd`.
    public let arguments: [String]
    /// How it has ended. Tornado: `CalledProcessError.returncode`.
    public let exit: ProcessExit

    public init(arguments: [String], exit: ProcessExit) {
        self.arguments = arguments
        self.exit = exit
    }

    public var description: String { "\(arguments.joined(separator: " ")) ended with \(exit)" }
}
