@preconcurrency import Glibc
import TwisterIO

/// Starts the processes of a session.
enum Child {
    /// Starts a program in a process group of its own: Ctrl-C in the terminal is for `twister-dev` alone, which ends the
    /// others in order.
    ///
    /// - Parameters:
    ///   - command: the program, which is searched for in `PATH` where it has no slash, and its arguments.
    ///   - executable: the file to execute, where it is not the first word of `command`.
    ///   - environment: what is set beside the environment of this process, and what is removed (nil).
    ///   - descriptors: become the descriptors 3, 4 and so on.
    ///   - output: the descriptor of its output; nil: that of this process.
    /// - Throws: `IOError` if it cannot be started.
    static func spawn(
        _ command: [String], executable: String? = nil, environment: [String: String?] = [:],
        descriptors: [CInt] = [], output: CInt? = nil
    ) throws(IOError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A background process that reads from the terminal would be stopped.
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }

        // Duplicates with higher numbers than the descriptors get, so that none is overwritten before it was duplicated.
        var sources: [CInt] = []
        defer { for source in sources { close(source) } }
        for (index, descriptor) in descriptors.enumerated() {
            let source = fcntl(descriptor, F_DUPFD_CLOEXEC, first + CInt(descriptors.count))
            guard source >= 0 else { throw IOError(errno: errno, "duplicate a descriptor") }
            sources.append(source)
            posix_spawn_file_actions_adddup2(&actions, source, first + CInt(index))
        }

        var attributes = attributes()
        defer { posix_spawnattr_destroy(&attributes) }
        let file = executable ?? command[0]
        var process: pid_t = 0
        let result = withCStrings(command) { arguments in
            withCStrings(changedEnvironment(environment)) { environment in
                posix_spawnp(&process, file, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw IOError(errno: result, "start \(file)") }
        return process
    }

    /// A pipe that no child inherits by accident.
    static func pipe() throws(IOError) -> (read: CInt, write: CInt) {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw IOError(errno: errno, "make a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// The first descriptor that a child gets, as in sd_listen_fds(3).
    static let first: CInt = 3

    /// The default actions of all signals that this process handles, none blocked, and a process group.
    private static func attributes() -> posix_spawnattr_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETPGROUP))
        return attributes
    }

    private static func changedEnvironment(_ changes: [String: String?]) -> [String] {
        var result = changes.compactMap { change in change.value.map { "\(change.key)=\($0)" } }
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if changes[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
            next += 1
        }
        return result
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }

    /// How a process has ended, in words.
    static func description(ofStatus status: CInt) -> String {
        let signal = status & 0x7F
        if signal != 0 { return "signal \(signal), \(String(cString: strsignal(signal)))" }
        return "status \((status >> 8) & 0xFF)"
    }
}
