import Glibc

/// The terminal that controls the process, if any. The kernel sends SIGHUP when it goes.
package struct ControllingTerminal: Sendable {
    private let wasThere = Self.isThere
    private let ignoresHangup = SignalWatch.isIgnored(SIGHUP)

    /// Made at the start of the process, before SIGHUP is handled.
    package init() {}

    /// Whether a SIGHUP says that the terminal has gone, and the process is to end with it: nohup(1) has not had it ignored.
    package var hasGone: Bool { wasThere && !ignoresHangup && !Self.isThere }

    private static var isThere: Bool {
        let fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        close(fd)
        return true
    }
}
