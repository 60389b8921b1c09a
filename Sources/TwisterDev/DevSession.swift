import Glibc
import TwisterIO

/// Builds, starts and replaces the program that a developer works on.
///
/// The listening sockets are this process's for as long as it runs, so that connections wait in their queues while no
/// program accepts them. A new program replaces the one that serves only when it has said that it is ready.
final class DevSession {
    private let loop: IOLoop
    private let sockets: [ListeningSocket]
    private let recipe: BuildRecipe
    private let arguments: [String]
    private let untilSuccess: Bool
    private let timeouts: (ready: Duration, shutdown: Duration)
    private var watcher: SourceWatcher?

    private var build = Build.idle
    private var serving = Serving.nothing
    private var candidate: Candidate?
    /// Programs that got SIGTERM.
    private var leaving: Set<pid_t> = []
    private var builds = 0
    private var backoff = Backoff()
    /// Nil until the session ends.
    private(set) var exitStatus: CInt?

    private enum Build {
        case idle
        /// A file was changed; more changes may follow.
        case waiting(IOLoop.Timeout, since: IOLoop.Instant)
        /// A file may have been changed since it began: then it is repeated.
        case running(pid_t, since: IOLoop.Instant, isStale: Bool)
    }

    private enum Serving {
        case nothing
        case program(Program)
        /// It crashed, and is started again.
        case restarting(IOLoop.Timeout)
    }

    private struct Program {
        let process: pid_t
        let built: BuiltProgram
        let startedAt: IOLoop.Instant
    }

    /// A program that has not said yet that it is ready.
    private struct Candidate {
        let program: Program
        let deadline: IOLoop.Timeout
        /// The end of the pipe at which it says so.
        let ready: CInt
    }

    /// How long a program that has crashed waits: twice as long each time, until one has lived for a while.
    private struct Backoff {
        private static let first = Duration.milliseconds(500)
        private static let longest = Duration.seconds(30)
        private var next = first

        mutating func take(afterLife life: Duration) -> Duration {
            if life >= Self.longest { next = Self.first }
            defer { next = min(next * 2, Self.longest) }
            return next
        }

        mutating func reset() { next = Self.first }
    }

    /// So long without a further change the files are taken to be saved.
    private static let quiet = Duration.milliseconds(100)
    /// After so long a build begins, although changes go on.
    private static let longestQuiet = Duration.seconds(1)

    init(
        _ loop: IOLoop, _ sockets: [ListeningSocket], _ recipe: BuildRecipe, arguments: [String], untilSuccess: Bool,
        timeouts: (ready: Duration, shutdown: Duration)
    ) {
        self.loop = loop
        self.sockets = sockets
        self.recipe = recipe
        self.arguments = arguments
        self.untilSuccess = untilSuccess
        self.timeouts = timeouts
    }

    /// Begins to watch and to build; `IOLoop.run` does the rest.
    func start(watching paths: [String]) throws {
        let watcher = try SourceWatcher(loop) { [unowned self] in changed($0) }
        for path in paths { try watcher.watch(path) }
        self.watcher = watcher
        // The parent process may have blocked them, and the mask is inherited.
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD] { sigaddset(&mask, signal) }
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
            try loop.addSignalHandler(signal) { [unowned self] in
                if exitStatus == nil { end(0) } else { killAll() }
            }
        }
        try loop.addSignalHandler(SIGCHLD) { [unowned self] in reap() }
        let places = sockets.compactMap(\.address).map { "http://\($0)" }.joined(separator: ", ")
        Status.say(.working, "listening on \(places), watching \(paths.joined(separator: ", "))")
        beginBuild()
    }

    /// Removes the links to programs. After `IOLoop.run`.
    func removeFiles() {
        watcher = nil
        serving = .nothing
        candidate = nil
    }

    private func age(_ since: IOLoop.Instant) -> Duration {
        .nanoseconds(Int64(clamping: loop.time().nanoseconds - since.nanoseconds))
    }

    // MARK: Building

    private func changed(_ path: String) {
        guard exitStatus == nil else { return }
        switch build {
        case .idle: awaitQuiet(since: loop.time())
        case .waiting(let timer, let since):
            guard age(since) < Self.longestQuiet else { return }
            loop.removeTimeout(timer)
            awaitQuiet(since: since)
        case .running(let process, let since, _): build = .running(process, since: since, isStale: true)
        }
    }

    private func awaitQuiet(since: IOLoop.Instant) {
        let timer = loop.callLater(Self.quiet) { [unowned self] in beginBuild() }
        build = .waiting(timer, since: since)
    }

    private func beginBuild() {
        Status.say(.working, "building: \(recipe.text)")
        do throws(IOError) {
            build = .running(try Child.spawn(recipe.command), since: loop.time(), isStale: false)
        } catch {
            build = .idle
            Status.say(.bad, "the build cannot be started: \(error); \(servingText)")
        }
    }

    private func buildEnded(_ status: CInt, _ since: IOLoop.Instant, isStale: Bool) {
        build = .idle
        if isStale { return beginBuild() }
        guard status == 0 else {
            let how = Child.description(ofStatus: status)
            return Status.say(.bad, "build failed in \(Status.seconds(age(since))) (\(how)), \(servingText)")
        }
        builds += 1
        backoff.reset()
        if case .restarting(let timer) = serving {
            loop.removeTimeout(timer)
            serving = .nothing
        }
        launch(BuiltProgram(recipe.program, number: builds))
    }

    /// The state of the served program, for the line that says why nothing new is served.
    private var servingText: String {
        switch serving {
        case .program(let program): "still serving the build of \(program.built.time)"
        case .restarting: "the program before it has crashed and is started again: connections wait"
        case .nothing: "nothing is served yet: connections wait"
        }
    }

    // MARK: Starting

    private func launch(_ built: BuiltProgram) {
        if let candidate { dismiss(candidate) }
        do throws(IOError) {
            candidate = try startProgram(built)
        } catch {
            candidate = nil
            Status.say(.bad, "the program cannot be started: \(error); \(servingText)")
        }
    }

    private func startProgram(_ built: BuiltProgram) throws(IOError) -> Candidate {
        let ends = try Child.pipe()
        defer { close(ends.write) }
        let environment: [String: String?] = [
            "LISTEN_FDS": "\(sockets.count)", "TWISTER_SUPERVISOR_PID": "\(getpid())",
            "TWISTER_READY_FD": "\(Child.first + CInt(sockets.count))",
            "LISTEN_PID": nil, "LISTEN_FDNAMES": nil, "TWISTER_TASK_ID": nil,
        ]
        do throws(IOError) {
            try loop.addHandler(ends.read, .read) { [unowned self] _, _ in readReady() }
            let process = try Child.spawn(
                [recipe.program] + arguments, executable: built.path, environment: environment,
                descriptors: sockets.map(\.fileDescriptor) + [ends.write])
            let program = Program(process: process, built: built, startedAt: loop.time())
            let deadline = loop.callLater(timeouts.ready) { [unowned self] in readyTimedOut() }
            return Candidate(program: program, deadline: deadline, ready: ends.read)
        } catch {
            loop.removeHandler(ends.read)
            close(ends.read)
            throw error
        }
    }

    private func readReady() {
        guard let candidate else { return }
        var byte: UInt8 = 0
        let count = read(candidate.ready, &byte, 1)
        if count < 0, errno == EINTR { return }
        // The end without a byte: the program has ended, or has closed the descriptor. Its end or the deadline follow.
        guard count == 1 else { return loop.removeHandler(candidate.ready) }
        forget(candidate)
        let replaced = serving
        serving = .program(candidate.program)
        Status.say(
            .good,
            "serving the build of \(candidate.program.built.time) (process \(candidate.program.process), "
                + "ready after \(Status.seconds(age(candidate.program.startedAt))))")
        if case .program(let earlier) = replaced { terminate(earlier.process) }
    }

    private func readyTimedOut() {
        guard let candidate else { return }
        dismiss(candidate)
        Status.say(
            .bad,
            "the program did not say within \(Status.seconds(timeouts.ready)) that it is ready (one byte to the descriptor "
                + "TWISTER_READY_FD, which Twister's servers write): it was ended, \(servingText)")
    }

    /// The candidate has become something else.
    private func forget(_ candidate: Candidate) {
        loop.removeTimeout(candidate.deadline)
        loop.removeHandler(candidate.ready)
        close(candidate.ready)
        self.candidate = nil
    }

    private func dismiss(_ candidate: Candidate) {
        forget(candidate)
        terminate(candidate.program.process)
    }

    // MARK: Ends

    private func reap() {
        var status: CInt = 0
        while true {
            let process = waitpid(-1, &status, WNOHANG)
            guard process > 0 else { break }
            ended(process, status)
        }
        if exitStatus != nil { stopIfAlone() }
    }

    private func ended(_ process: pid_t, _ status: CInt) {
        if case .running(process, let since, let isStale) = build {
            guard exitStatus == nil else { return build = .idle }
            buildEnded(status, since, isStale: isStale)
        } else if let candidate, candidate.program.process == process {
            // The program has ended: that it was ready before no longer counts.
            forget(candidate)
            programEnded(candidate.program, status, "before it was ready")
        } else if case .program(let program) = serving, program.process == process {
            serving = .nothing
            programEnded(program, status, "after \(Status.seconds(age(program.startedAt)))")
        } else {
            leaving.remove(process)
        }
    }

    /// A program has ended by itself.
    private func programEnded(_ program: Program, _ status: CInt, _ when: String) {
        guard exitStatus == nil else { return }
        if status == 0 {
            Status.say(.working, "the program has ended \(when), with status 0")
            if untilSuccess { end(0) } else { sayWaiting() }
            return
        }
        let how = Child.description(ofStatus: status)
        if case .program = serving {
            return Status.say(.bad, "the new program has ended \(when) (\(how)): \(servingText)")
        }
        if candidate != nil { return Status.say(.bad, "the program has crashed \(when) (\(how)): the next one starts") }
        let delay = backoff.take(afterLife: age(program.startedAt))
        Status.say(
            .bad,
            "the program has crashed \(when) (\(how)): it is started again in \(Status.seconds(delay)), connections wait"
        )
        serving = .restarting(
            loop.callLater(delay) { [unowned self] in
                serving = .nothing
                launch(program.built)
            })
    }

    private func sayWaiting() {
        if case .nothing = serving { Status.say(.working, "waiting for a change; connections wait") }
    }

    // MARK: Ending

    /// SIGTERM: the program drains. SIGKILL follows, if it has not ended in time.
    private func terminate(_ process: pid_t) {
        leaving.insert(process)
        kill(process, SIGTERM)
        loop.callLater(timeouts.shutdown) { [unowned self] in
            if leaving.contains(process) {
                let limit = Status.seconds(timeouts.shutdown)
                Status.say(.bad, "process \(process) has not ended within \(limit): it is killed")
                kill(-process, SIGKILL)
            }
        }
    }

    private func end(_ status: CInt) {
        exitStatus = status
        Status.say(.working, "ending")
        switch build {
        case .idle: break
        case .waiting(let timer, _): loop.removeTimeout(timer)
        // The shell or `swift build`, and what they have started.
        case .running(let process, _, _):
            kill(-process, SIGTERM)
            leaving.insert(process)
        }
        build = .idle
        if let candidate { dismiss(candidate) }
        switch serving {
        case .program(let program): terminate(program.process)
        case .restarting(let timer): loop.removeTimeout(timer)
        case .nothing: break
        }
        serving = .nothing
        stopIfAlone()
    }

    private func killAll() {
        for process in leaving { kill(-process, SIGKILL) }
    }

    private func stopIfAlone() {
        if leaving.isEmpty { loop.stop() }
    }
}
