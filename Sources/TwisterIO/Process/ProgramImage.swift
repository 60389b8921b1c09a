import Glibc

/// This program, to be started again in another process: with the same arguments, listening sockets at the descriptors from 3
/// on, and a pipe in which it says that it serves.
struct ProgramImage {
    /// Which file is executed.
    enum File {
        /// The very file that this process runs, even where another one has taken its name since.
        case running
        /// The file that has the name under which this process was started: a newer version, perhaps.
        case named
    }

    /// A process that was started.
    struct Child {
        let process: pid_t
        /// Becomes readable when the process serves, or has ended.
        let readiness: CInt
    }

    /// The absolute path under which the process was started. Symbolic links in it stay, since a new version may be where they
    /// lead by then.
    private static let path: String = {
        let name = CommandLine.arguments.first ?? ""
        if name.hasPrefix("/") { return name }
        if name.contains("/"), let folder = getcwd(nil, 0) {
            defer { free(folder) }
            return "\(String(cString: folder))/\(name)"
        }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        return count > 0
            ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : "/proc/self/exe"
    }()

    /// Remembers the path, before the process changes its working directory.
    static func remember() { _ = path }

    /// - Parameters:
    ///   - sockets: the sockets that it gets from `ListeningSocket.inherited()`.
    ///   - descriptors: further descriptors, each with the environment variable that names it.
    ///   - variables: further environment variables.
    ///   - blockedSignals: the signals that are blocked in it at its start.
    /// - Throws: `IOError` if the process cannot be started.
    static func start(
        _ file: File, sockets: [ListeningSocket], descriptors: [(variable: String, descriptor: CInt)] = [],
        variables: [String: String], blockedSignals: [CInt] = []
    ) throws(IOError) -> Child {
        let ends = ProcessCalls.pipe()
        guard ends.reading >= 0 else { throw IOError(errno: -ends.reading, "make a pipe") }
        defer { close(ends.writing) }
        let standard: [CInt?] = Array(repeating: nil, count: Int(ListeningSocket.firstInherited))
        var given = standard + sockets.map(\.fileDescriptor)
        var variables = variables
        variables["LISTEN_FDS"] = "\(sockets.count)"
        variables["LISTEN_FDNAMES"] = sockets.map { $0.name ?? "" }.joined(separator: ":")
        for (variable, descriptor) in [(Readiness.variable, ends.writing)] + descriptors {
            variables[variable] = "\(given.count)"
            given.append(descriptor)
        }
        let process = ProcessCalls.spawn(
            file == .running ? "/proc/self/exe" : path, isSearched: false, arguments: CommandLine.arguments,
            environment: environment(variables), descriptors: given, closesOthers: false, keepsHangupIgnored: true,
            blockedSignals: blockedSignals)
        guard process > 0 else {
            close(ends.reading)
            throw IOError(errno: -process, "start \(path)")
        }
        return Child(process: process, readiness: ends.reading)
    }

    /// This process's environment, with `ours` in place of what it says of listening sockets and supervisors.
    private static func environment(_ ours: [String: String]) -> [String] {
        let replaced: Set<String> = [
            "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID", Environment.ownershipVariable,
            Environment.supervisorVariable, Environment.taskVariable,
            WorkerStatus.variable,
        ]
        let inherited = Environment.entries.filter { entry in
            let name = String(entry.prefix { $0 != "=" })
            return ours[name] == nil && !replaced.contains(name)
        }
        return ours.map { "\($0.key)=\($0.value)" } + inherited
    }
}
