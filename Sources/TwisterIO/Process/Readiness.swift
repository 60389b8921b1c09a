import Glibc
import Logging
import Synchronization

/// Tells those who started this process that it serves: the process that it replaces or that supervises it, by a byte in a pipe
/// (`TWISTER_READY_FD`), and systemd, by its notification socket (sd_notify(3)).
package enum Readiness {
    static let variable = "TWISTER_READY_FD"

    /// The pipe; nil: nobody waits. A program that inherits the variable without the pipe has some other descriptor of that
    /// number, or none.
    static var pipe: CInt? {
        guard let descriptor = getenv(variable).flatMap({ CInt(String(cString: $0)) }) else { return nil }
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO ? descriptor : nil
    }

    /// Keeps the pipe from the processes that this one starts.
    package static func prepare() {
        if let pipe { _ = fcntl(pipe, F_SETFD, FD_CLOEXEC) }
    }

    /// The process accepts connections now. Only the first call counts.
    package static func tell() {
        guard !isTold.exchange(true, ordering: .relaxed) else { return }
        if let descriptor = pipe {
            unsetenv(variable)
            var byte = UInt8(ascii: "1")
            _ = write(descriptor, &byte, 1)
            close(descriptor)
        }
        Systemd.notify("READY=1\nMAINPID=\(getpid())")
    }

    private static let isTold = Atomic(false)
}

/// The messages of sd_notify(3), to the socket that `NOTIFY_SOCKET` names; without it nothing is done.
package enum Systemd {
    private static let socketPath = getenv("NOTIFY_SOCKET").map { String(cString: $0) }

    /// Sends a message; what goes wrong is ignored, as sd_notify(3) advises.
    package static func notify(_ message: String) {
        // Workers have a supervisor, which speaks for all of them.
        guard let socketPath, Environment.taskID == nil else { return }
        let fd = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        // A name in the abstract namespace is written with an @ in front.
        let path = socketPath.hasPrefix("@") ? "\0" + socketPath.dropFirst() : socketPath
        guard let address = try? SocketAddress(unixPath: path) else { return }
        _ = address.withSockaddr { pointer, length in
            message.withCString { sendto(fd, $0, strlen($0), CInt(MSG_NOSIGNAL), pointer, length) }
        }
    }

    /// How often systemd wants to hear that the process is healthy; nil: not at all (`WatchdogSec=`).
    package static var watchdogInterval: Duration? {
        guard let text = getenv("WATCHDOG_USEC"), let microseconds = Int64(String(cString: text)), microseconds > 0
        else {
            return nil
        }
        if let process = getenv("WATCHDOG_PID"), pid_t(String(cString: process)) != getpid() { return nil }
        return .microseconds(microseconds)
    }

    /// Tells systemd at half the interval that the process is healthy, for as long as `isHealthy` says so, and the process
    /// lives. Without a watchdog in the unit nothing is done.
    package static func startWatchdog(_ isHealthy: @escaping @Sendable () -> Bool) {
        guard let interval = watchdogInterval, Environment.taskID == nil else { return }
        let pause = timespec(interval / 2)
        do throws(IOError) {
            try NativeThread.start(name: "twister-systemd", blocksSignals: true) {
                while true {
                    if isHealthy() { notify("WATCHDOG=1") }
                    var time = pause
                    nanosleep(&time, nil)
                }
            }
        } catch {
            Log.general.error("systemd's watchdog is not served: \(error)")
        }
    }
}
