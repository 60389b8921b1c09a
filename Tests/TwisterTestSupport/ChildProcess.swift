package import Glibc

/// A program of this package as a process of its own, whose output (both streams) is read line by line.
package final class ChildProcess {
    package let process: pid_t
    private let output: CInt
    private var unread: [UInt8] = []
    private var isReaped = false

    /// - Parameters:
    ///   - program: the executable's name; it lies beside the bundle of the tests.
    ///   - descriptors: the soft limit of its open files; nil: that of this process.
    ///   - listening: a listening socket that it gets the way systemd hands one over (sd_listen_fds(3)); nil: none.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], descriptors: Int? = nil,
        listening: CInt? = nil
    ) throws {
        let path = try Self.path(of: program)
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        var command = [path] + arguments
        if let descriptors { command = ["/bin/sh", "-c", "ulimit -Sn \(descriptors); exec \"$@\"", "sh"] + command }
        if let listening {
            posix_spawn_file_actions_adddup2(&actions, listening, 3)
            // Only the process itself knows its number.
            command = ["/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"", "sh"] + command
        }
        let argv = command.map { strdup($0) } + [nil]
        // What a sanitizer is told holds for the programs of tests, too. It looks for its symbolizer in PATH, and without one it
        // knows no function that it is told to leave out.
        var variables = environment.map { "\($0.key)=\($0.value)" }
        for name in ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "PATH"] where environment[name] == nil {
            if let value = getenv(name) { variables.append("\(name)=\(String(cString: value))") }
        }
        let envp = variables.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, command[0], &actions, nil, argv, envp)
        guard result == 0 else {
            close(ends[0])
            throw TestFailure("spawn \(program): errno \(result)")
        }
        self.process = process
        output = ends[0]
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(output)
    }

    package func signal(_ number: CInt) { kill(process, number) }

    /// The next line, without its end; nil at the end of the output.
    ///
    /// - Throws: `Failure` where nothing comes for `timeout` seconds.
    package func line(timeout: Int = 20) throws -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeFirst(end + 1) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            var wanted = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&wanted, 1, CInt(timeout * 1000)) > 0 else {
                throw TestFailure("no output for \(timeout) s; the last: \(String(decoding: unread, as: UTF8.self))")
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { return nil }
            unread += buffer[..<count]
        }
    }

    /// The next line that holds `text`.
    package func line(with text: String) throws -> String {
        while let line = try line() {
            if line.contains(text) { return line }
        }
        throw TestFailure("the output ended without '\(text)'")
    }

    /// The lines that are left, up to the end.
    package func remainingLines() throws -> [String] {
        var lines: [String] = []
        while let line = try line() { lines.append(line) }
        return lines
    }

    /// Waits for its end, twenty seconds at most; its exit status, or nil where a signal ended it or it did not end.
    package func end() -> CInt? {
        for _ in 0..<4000 {
            var status: CInt = 0
            if waitpid(process, &status, WNOHANG) == process {
                isReaped = true
                return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
            }
            usleep(5000)
        }
        return nil
    }

    /// The path of one of this package's programs.
    package static func path(of program: String) throws -> String {
        guard let folder = bundleFolder else { throw TestFailure("the tests' bundle is not to be found") }
        guard access(folder + program, X_OK) == 0 else {
            throw TestFailure("no program \(folder + program): is it built?")
        }
        return folder + program
    }

    /// Where the programs lie, with a slash at the end.
    private static let bundleFolder: String? = {
        guard let maps = fopen("/proc/self/maps", "r") else { return nil }
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, CInt(line.count), maps) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard let path = text.split(separator: " ").last?.dropLast(), path.hasSuffix(".xctest") else { continue }
            return path.lastIndex(of: "/").map { String(path[...$0]) }
        }
        return nil
    }()
}
