@preconcurrency import Glibc

/// Starts this program again, as a worker of a `ProcessSupervisor`.
enum WorkerProcess {
    /// - Throws: `IOError` if the process cannot be started.
    static func spawn(taskID: Int, _ sockets: [ListeningSocket]) throws(IOError) -> pid_t {
        let first = ListeningSocket.firstInherited
        // Duplicates with higher numbers than the descriptors get in the worker, so that none is overwritten before it was
        // duplicated there.
        var sources: [CInt] = []
        defer { for source in sources { close(source) } }
        for socket in sockets {
            let lowest = first + CInt(sockets.count)
            let source = fcntl(socket.fileDescriptor, F_DUPFD_CLOEXEC, lowest)
            guard source >= 0 else { throw IOError(errno: errno, "duplicate listening socket") }
            sources.append(source)
        }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (index, source) in sources.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, first + CInt(index))
        }

        var attributes = cleanSignals()
        defer { posix_spawnattr_destroy(&attributes) }

        var process: pid_t = 0
        let result = withCStrings(CommandLine.arguments) { arguments in
            withCStrings(environment(taskID: taskID, descriptors: sockets.count)) { environment in
                posix_spawn(&process, "/proc/self/exe", &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw IOError(errno: result, "spawn worker \(taskID)") }
        return process
    }

    /// A worker begins with the default actions of the signals and with none blocked, independent of the parent.
    private static func cleanSignals() -> posix_spawnattr_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGTERM, SIGINT, SIGCHLD] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        return attributes
    }

    private static func environment(taskID: Int, descriptors: Int) -> [String] {
        let ours = [
            "LISTEN_FDS": "\(descriptors)",
            Environment.supervisorVariable: "\(getpid())",
            Environment.taskVariable: "\(taskID)",
        ]
        var result = ours.map { "\($0.key)=\($0.value)" }
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            if ours[name] == nil, name != "LISTEN_PID", name != "LISTEN_FDNAMES" { result.append(text) }
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
}
