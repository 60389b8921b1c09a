import Glibc
import Logging

/// A new process of this program that is to take over the listening sockets of this one, which then ends: a restart without a
/// refused connection.
package struct Successor: Sendable {
    package let process: Int32
    private let readiness: CInt

    /// How long the new process gets until it serves.
    static let patience = Duration.seconds(60)

    /// Whether another process may take over from this one; says in the log why not.
    package static func mayTakeOver() -> Bool {
        // Where the first process of a container ends, the container does.
        if getpid() == 1 { Log.general.error("SIGUSR2: process 1 cannot be replaced") }
        return getpid() != 1
    }

    /// Remembers under which path the process was started.
    package static func prepare() { ProgramImage.remember() }

    /// Starts the program under the name with which this process was started, so that a newer file is run.
    ///
    /// - Throws: `IOError` where it cannot be started.
    package static func start(_ sockets: [ListeningSocket]) throws(IOError) -> Successor {
        var variables = [Environment.supervisorVariable: "\(getpid())"]
        if sockets.allSatisfy(\.isOwned) { variables[Environment.ownershipVariable] = "1" }
        let child = try ProgramImage.start(.named, sockets: sockets, variables: variables)
        return Successor(process: child.process, readiness: child.readiness)
    }

    var readinessDescriptor: CInt { readiness }

    /// Reads whether the new process serves; false: it has ended. Called once, when the descriptor is readable.
    func takeReadiness() -> Bool {
        defer { close(readiness) }
        var byte: UInt8 = 0
        return read(readiness, &byte, 1) == 1
    }

    /// Waits until the new process serves, a minute at most, and returns whether it does. Blocks the calling thread.
    package func waitUntilReady() -> Bool {
        var readable = pollfd(fd: readiness, events: Int16(POLLIN), revents: 0)
        var result: CInt
        repeat {
            result = poll(&readable, 1, CInt(Self.patience / Duration.milliseconds(1)))
        } while result < 0 && errno == EINTR
        if result > 0 { return takeReadiness() }
        close(readiness)
        return false
    }

    /// Ends it at once.
    package func kill() { Glibc.kill(process, SIGKILL) }

    /// Collects its exit status, for which it waits.
    package func reap() {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
}
