import Glibc

/// A program that runs as a process of its own, with pipes to it as streams of the loop.
///
///     let sort = try Subprocess(["sort"], stdin: .stream, stdout: .stream)
///     try await sort.stdin.write("pear\napple\n")
///     sort.stdin.closeAfterWriting()
///     let sorted = try await sort.stdout.readUntilClose()
///     try await sort.waitForExit()
///
/// A program that gets much input and gives much output needs both at once: write in one task and read in another.
///
/// The program begins with the default action for every signal and with none blocked, and it gets no descriptor of this
/// process but its standard ones. Its exit status is always collected, also if this object is released or the loop is closed
/// before the exit; the program itself then runs on.
///
/// Tornado's `initialize` and `uninitialize` have no counterpart: the kernel reports the exit by a descriptor (pidfd_open(2)),
/// so that no handler of SIGCHLD is needed and other parts of the program may have one.
///
/// A subprocess belongs to its loop's thread; only `waitForExit` takes the exit from there to the task that waits.
///
/// Tornado: `process.Subprocess`.
public final class Subprocess {
    /// The kinds of standard descriptors that the program may get.
    public enum Stdio: Sendable, Equatable {
        /// The descriptor of this process.
        case inherit
        /// A pipe, whose other end is `stdin`, `stdout` or `stderr` of the subprocess. Tornado: `Subprocess.STREAM`.
        case stream
        /// `/dev/null`.
        case null
        /// A duplicate of this descriptor, which stays the caller's.
        case descriptor(CInt)
    }

    /// The program and its arguments.
    public let arguments: [String]
    /// The loop that the streams belong to.
    public let loop: IOLoop
    private let child: ChildProcess
    private let streams: [PipeIOStream?]

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: the program and its arguments. Without a slash, the program is looked for in this process's `PATH`; a
    ///     relative path begins at the working directory.
    ///   - stdin: what the program reads. Default: what this process reads.
    ///   - stdout: where its output goes. Default: where this process's output goes.
    ///   - stderr: where its errors go. Default: where this process's errors go.
    ///   - environment: all of its environment variables; nil: those of this process.
    ///   - workingDirectory: nil: that of this process.
    ///   - loop: the loop of the streams, on whose thread this is called; nil: the thread's loop.
    /// - Throws: `IOError` with the program's name in its text, for instance `ENOENT`, or `EINVAL` for no arguments at all and
    ///   for text that contains a NUL.
    ///
    /// Tornado: `Subprocess`.
    public init(
        _ arguments: [String], stdin: Stdio = .inherit, stdout: Stdio = .inherit, stderr: Stdio = .inherit,
        environment: [String: String]? = nil, workingDirectory: String? = nil, on loop: IOLoop? = nil
    ) throws(IOError) {
        let loop = if let loop { loop } else { try IOLoop.current() }
        loop.preconditionOnLoop()
        guard let program = arguments.first, !program.isEmpty else {
            throw IOError(errno: EINVAL, "start a program without a name")
        }
        let entries = environment?.map { "\($0.key)=\($0.value)" } ?? Environment.entries
        let texts = arguments + entries + [workingDirectory ?? ""]
        let areNamesValid = environment?.keys.allSatisfy { !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "=")) } ?? true
        guard areNamesValid, !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw IOError(errno: EINVAL, "start \(program)")
        }
        let pipes = try ChildPipes([stdin, stdout, stderr], program)
        streams = try pipes.takeStreams(loop)
        child = try ChildReaper.start { () throws(IOError) in
            let process = ProcessCalls.spawn(
                program, isSearched: true, arguments: arguments, environment: entries, directory: workingDirectory,
                descriptors: pipes.descriptors, closesOthers: true, keepsHangupIgnored: false)
            guard process > 0 else { throw IOError(errno: -process, "start \(program)") }
            return process
        }
        self.arguments = arguments
        self.loop = loop
    }

    /// The process's number. Tornado: `Subprocess.pid`.
    public var pid: Int32 { child.process }

    // MARK: Streams

    /// The end of the pipe that the program reads as its standard input. Only after `stdin: .stream`.
    ///
    /// Tornado: `Subprocess.stdin`.
    public var stdin: PipeIOStream { stream(0, "stdin") }

    /// The end of the pipe with the program's standard output. Only after `stdout: .stream`.
    ///
    /// Tornado: `Subprocess.stdout`.
    public var stdout: PipeIOStream { stream(1, "stdout") }

    /// The end of the pipe with the program's errors. Only after `stderr: .stream`.
    ///
    /// Tornado: `Subprocess.stderr`.
    public var stderr: PipeIOStream { stream(2, "stderr") }

    private func stream(_ number: Int, _ name: String) -> PipeIOStream {
        guard let stream = streams[number] else {
            fatalError("Subprocess.\(name) is no stream: start the program with Subprocess([...], \(name): .stream)")
        }
        return stream
    }

    // MARK: Exit

    /// How the program has ended; nil while it runs.
    ///
    /// Tornado: `Subprocess.returncode`.
    public var exit: ProcessExit? { child.exit }

    /// Waits for the program to end. Several tasks may wait. A task that is cancelled, or whose timeout passes, leaves the
    /// program alone.
    ///
    /// - Parameters:
    ///   - raiseError: whether another exit than status 0 is thrown. Default true.
    ///   - timeout: nil: no limit.
    /// - Throws: `CalledProcessError`; `TimeoutError`; `CancellationError`; `IOLoopError.closed` if the task waits on a loop
    ///   that is closed.
    ///
    /// Tornado: `Subprocess.wait_for_exit`.
    @discardableResult
    public func waitForExit(raiseError: Bool = true, timeout: Duration? = nil) async throws -> ProcessExit {
        let (child, arguments) = (child, arguments)
        let exit = try await child.waitForExit(timeout: timeout)
        guard exit == .status(0) || !raiseError else { throw CalledProcessError(arguments: arguments, exit: exit) }
        return exit
    }

    /// Calls `callback` on the loop once the program has ended, soon if it has ended already. A second call replaces the
    /// callback of the first one; a callback is called once.
    ///
    /// Tornado: `Subprocess.set_exit_callback`.
    public func setExitCallback(_ callback: @escaping @Sendable (_ exit: ProcessExit) -> Void) {
        loop.preconditionOnLoop()
        child.setExitCallback { [loop] exit in loop.addCallback { callback(exit) } }
    }

    // MARK: Signals

    /// Sends a signal to the program. Does nothing once it has ended: the signal never reaches another process that has got
    /// its number.
    ///
    /// - Throws: `IOError`: `EINVAL` for a number that is no signal, `EPERM` if the program runs as another user.
    ///
    /// Tornado: `Subprocess.proc.send_signal`.
    public func sendSignal(_ signal: Int32) throws(IOError) { try child.send(signal) }

    /// Asks the program to end (SIGTERM). Tornado: `Subprocess.proc.terminate`.
    ///
    /// - Throws: `IOError`: `EPERM` if the program runs as another user.
    public func terminate() throws(IOError) { try child.send(SIGTERM) }

    /// Ends the program (SIGKILL). Tornado: `Subprocess.proc.kill`.
    ///
    /// - Throws: `IOError`: `EPERM` if the program runs as another user.
    public func kill() throws(IOError) { try child.send(SIGKILL) }
}

/// The standard descriptors of a program that is being started: the program's ends of the pipes, and this process's ends.
private final class ChildPipes {
    /// The descriptors that the program gets as 0, 1 and 2; nil: the ones of this process.
    private(set) var descriptors: [CInt?] = []
    private var owned: [CInt] = []
    private var ours: [CInt?] = []

    init(_ wanted: [Subprocess.Stdio], _ program: String) throws(IOError) {
        for (number, stdio) in wanted.enumerated() {
            var end: CInt?
            switch stdio {
            case .inherit: descriptors.append(nil)
            case .descriptor(let fd):
                guard fd >= 0 else { throw IOError(errno: EBADF, "start \(program) with descriptor \(fd)") }
                descriptors.append(fd)
            case .null:
                let fd = open("/dev/null", O_RDWR | O_CLOEXEC)
                guard fd >= 0 else { throw IOError(errno: errno, "start \(program): open /dev/null") }
                owned.append(fd)
                descriptors.append(fd)
            case .stream:
                let pipe = ProcessCalls.pipe()
                guard pipe.reading >= 0 else { throw IOError(errno: -pipe.reading, "start \(program): pipe") }
                let isInput = number == 0
                descriptors.append(isInput ? pipe.reading : pipe.writing)
                owned.append(isInput ? pipe.reading : pipe.writing)
                end = isInput ? pipe.writing : pipe.reading
            }
            ours.append(end)
        }
    }

    /// Closes the program's ends, which it has duplicates of, and what no stream has taken over.
    deinit {
        for fd in owned { close(fd) }
        for case let fd? in ours { close(fd) }
    }

    func takeStreams(_ loop: IOLoop) throws(IOError) -> [PipeIOStream?] {
        var streams: [PipeIOStream?] = []
        for index in ours.indices {
            guard let fd = ours[index] else {
                streams.append(nil)
                continue
            }
            streams.append(try PipeIOStream(loop, fileDescriptor: fd))
            ours[index] = nil
        }
        return streams
    }
}
