import Glibc
import Testing

@testable import TwisterIO

/// Whether a process with this number exists, as a zombie or not.
private func exists(_ process: pid_t) -> Bool { kill(process, 0) == 0 }

@Suite("Subprocess", .serialized)
struct SubprocessTests {
    @Test("PR-4: a program is written to and read from, and its exit is waited for", arguments: backends)
    func sort(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            let sort = try Subprocess(["sort"], stdin: .stream, stdout: .stream)
            try await sort.stdin.write("pear\napple\n")
            sort.stdin.closeAfterWriting()
            #expect(text(try await sort.stdout.readUntilClose()) == "apple\npear\n")
            #expect(try await sort.waitForExit() == .status(0))
            #expect(sort.exit == .status(0))
        }
    }

    @Test(
        "PR-4: another exit than status 0 is a CalledProcessError, unless the caller wants the exit",
        arguments: backends)
    func exits(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            for (script, exit, code) in [
                ("exit 3", ProcessExit.status(3), Int32(3)), ("kill -9 $$", .signal(SIGKILL), -9),
                ("exit 0", .status(0), 0),
            ] {
                let shell = try Subprocess(["sh", "-c", script])
                #expect(try await shell.waitForExit(raiseError: false) == exit)
                #expect(shell.exit?.code == code)
                guard code != 0 else { continue }
                let error = await #expect(throws: CalledProcessError.self) { try await shell.waitForExit() }
                #expect(error == CalledProcessError(arguments: ["sh", "-c", script], exit: exit))
                #expect(error?.description.contains("sh -c \(script) ended with ") == true)
            }
        }
    }

    @Test("PR-4: a program that cannot be started is an error with its name", arguments: backends)
    func failures(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            let before = openDescriptors()
            for (arguments, code) in [
                (["no-such-program"], ENOENT), (["/no/such/program"], ENOENT), (["/"], EACCES), ([], EINVAL),
                ([""], EINVAL),
                (["true", "a\0b"], EINVAL),
            ] {
                let error = #expect(throws: IOError.self) { try Subprocess(arguments, stdin: .stream, stdout: .null) }
                #expect(error?.errnoCode == code)
                #expect(error?.description.contains("start \(arguments.first ?? "")") == true)
            }
            let folder = #expect(throws: IOError.self) { try Subprocess(["true"], workingDirectory: "/no/such/folder") }
            #expect(folder?.errnoCode == ENOENT)
            let badFD = #expect(throws: IOError.self) { try Subprocess(["true"], stdout: .descriptor(1_000_000)) }
            #expect(badFD?.errnoCode == EBADF)
            #expect(throws: IOError.self) { try Subprocess(["true"], environment: ["A=B": "C"]) }
            // Streams of earlier tests may close meanwhile.
            #expect(openDescriptors() <= before)
        }
    }

    @Test("PR-4: environment and working directory", arguments: backends)
    func surroundings(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            let shell = try Subprocess(
                ["sh", "-c", "pwd; env | grep '^T'"], stdout: .stream, environment: ["T1": "one", "T2": "two=2"],
                workingDirectory: "/usr")
            let lines = text(try await shell.stdout.readUntilClose()).split(separator: "\n")
            #expect(lines.first == "/usr" && Set(lines.dropFirst()) == ["T1=one", "T2=two=2"])
            setenv("TWISTER_SUBPROCESS_TEST", "inherited", 1)
            defer { unsetenv("TWISTER_SUBPROCESS_TEST") }
            let env = try Subprocess(["env"], stdout: .stream)
            #expect(text(try await env.stdout.readUntilClose()).contains("TWISTER_SUBPROCESS_TEST=inherited\n"))
        }
    }

    @Test("PR-4: standard descriptors are streams, null, or the caller's, in any order", arguments: backends)
    func descriptors(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let shell = try Subprocess(["sh", "-c", "cat; echo no >&2"], stdin: .null, stdout: .null, stderr: .stream)
            #expect(text(try await shell.stderr.readUntilClose()) == "no\n")
            // Output and errors in one pipe: the same descriptor twice.
            let pipe = Pipe()
            _ = fcntl(pipe.writing, F_SETFD, FD_CLOEXEC)
            let both = try Subprocess(
                ["sh", "-c", "echo out; echo err >&2"], stdout: .descriptor(pipe.writing),
                stderr: .descriptor(pipe.writing))
            try await both.waitForExit()
            var bytes = [UInt8](repeating: 0, count: 100)
            #expect(text(Array(bytes[..<read(pipe.reading, &bytes, 100)])) == "out\nerr\n")
            // This process's 1 and 2 exchanged.
            let swapped = try Subprocess(
                ["sh", "-c", "links=$(readlink /proc/$$/fd/1 /proc/$$/fd/2); echo \"$links\" >&0"],
                stdin: .descriptor(pipe.writing),
                stdout: .descriptor(2), stderr: .descriptor(1))
            try await swapped.waitForExit(raiseError: false)
            let count = read(pipe.reading, &bytes, 100)
            #expect(text(Array(bytes[..<max(count, 0)])) == "\(link(2))\n\(link(1))\n")
        }
    }

    @Test("PR-4: a program gets its standard descriptors and no other one", arguments: backends)
    func closedDescriptors(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            let high = fcntl(2, F_DUPFD, 200)
            let low = dup(2)
            defer { for fd in [high, low] { close(fd) } }
            let list = try Subprocess(["ls", "/proc/self/fd"], stdin: .null, stdout: .stream)
            // Number 3 is the folder that it reads.
            #expect(text(try await list.stdout.readUntilClose()) == "0\n1\n2\n3\n")
        }
    }

    @Test("PR-4: a program begins with no signal ignored or blocked", arguments: backends)
    func signals(backend: IOBackend) async throws {
        signal(SIGUSR1, SIG_IGN)
        defer { signal(SIGUSR1, SIG_DFL) }
        try await onLoop(backend) { _ in
            var mask = sigset_t()
            var old = sigset_t()
            sigaddset(&mask, SIGUSR2)
            pthread_sigmask(SIG_BLOCK, &mask, &old)
            defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
            let grep = try Subprocess(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], stdout: .stream)
            let masks = text(try await grep.stdout.readUntilClose()).split { $0 == "\n" || $0 == "\t" }
            #expect(masks == ["SigBlk:", "0000000000000000", "SigIgn:", "0000000000000000"])
        }
    }

    @Test("PR-4: signals end the program, and do nothing after its end", arguments: backends)
    func ending(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            for signal in [SIGTERM, SIGKILL, SIGHUP] {
                let sleep = try Subprocess(["sleep", "100"])
                #expect(exists(sleep.pid) && sleep.exit == nil)
                switch signal {
                case SIGTERM: try sleep.terminate()
                case SIGKILL: try sleep.kill()
                default: try sleep.sendSignal(signal)
                }
                #expect(try await sleep.waitForExit(raiseError: false) == .signal(signal))
                #expect(!exists(sleep.pid))
                try sleep.kill()
            }
            let sleep = try Subprocess(["sleep", "100"])
            let error = #expect(throws: IOError.self) { try sleep.sendSignal(1000) }
            #expect(error?.errnoCode == EINVAL)
            try sleep.kill()
        }
    }

    @Test("PR-4: a wait that is cancelled or too long leaves the program alone", arguments: backends)
    func cancellation(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let sleep = try Subprocess(["sleep", "100"])
            let waiting = inTask(loop, sleep) { try await $0.waitForExit() }
            try await loop.pass()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            await #expect(throws: TimeoutError.self) { try await sleep.waitForExit(timeout: .milliseconds(5)) }
            #expect(sleep.exit == nil && exists(sleep.pid))
            try sleep.kill()
            try await sleep.waitForExit(raiseError: false)
        }
    }

    @Test("PR-4: the exit callback is called on the loop, once, also if it is set after the exit", arguments: backends)
    func callback(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let exits = Box<[ProcessExit]>([])
            let shell = try Subprocess(["sh", "-c", "exit 7"])
            shell.setExitCallback { exit in
                loop.preconditionOnLoop()
                exits.value.append(exit)
            }
            try await loop.until { !exits.value.isEmpty }
            shell.setExitCallback { exits.value.append($0) }
            try await loop.until { exits.value.count == 2 }
            #expect(exits.value == [.status(7), .status(7)])
        }
    }

    @Test("PR-4: no zombie stays behind, whatever becomes of the object and its loop", arguments: backends)
    func zombies(backend: IOBackend) async throws {
        let processes = try await onLoop(backend) { loop in
            let kept = try Subprocess(["sleep", "0.1"])
            kept.setExitCallback { _ in }
            loop.callLater(.seconds(100)) { _ = kept }
            return [try Subprocess(["true"]).pid, try Subprocess(["sleep", "0.1"]).pid, kept.pid]
        }
        try await eventually { !processes.contains(where: exists) }
    }

    @Test("PR-4: the exit is noticed where the kernel has no descriptors of processes")
    func withoutDescriptors() async throws {
        let child = try ChildReaper.start(opensDescriptor: false) { () throws(IOError) in
            ProcessCalls.spawn(
                "sleep", isSearched: true, arguments: ["sleep", "100"], environment: [], descriptors: [nil, nil, nil],
                closesOthers: true, keepsHangupIgnored: false)
        }
        #expect(child.descriptor == nil)
        await #expect(throws: TimeoutError.self) { try await child.waitForExit(timeout: .milliseconds(50)) }
        try child.send(SIGTERM)
        #expect(try await child.waitForExit(timeout: .seconds(10)) == .signal(SIGTERM))
        #expect(!exists(child.process))
    }

    @Test("PR-4: an exit status that another part of the process collects is unknown", arguments: backends)
    func stolen(backend: IOBackend) async throws {
        signal(SIGCHLD, SIG_IGN)
        defer { signal(SIGCHLD, SIG_DFL) }
        try await onLoop(backend) { _ in
            let sleep = try Subprocess(["sleep", "0.05"])
            let error = await #expect(throws: CalledProcessError.self) { try await sleep.waitForExit() }
            #expect(error?.exit == .unknown && sleep.exit?.code == nil)
        }
    }

    @Test("PR-4: 8 MiB through a program, written and read at once", arguments: backends)
    func throughput(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let size = 8 << 20
            let cat = try Subprocess(["cat"], stdin: .stream, stdout: .stream)
            let writing = inTask(loop, cat) { cat in
                for _ in 0..<128 { try await cat.stdin.write([UInt8](repeating: 120, count: size / 128)) }
                cat.stdin.closeAfterWriting()
            }
            #expect(try await cat.stdout.readUntilClose().count == size)
            try await writing.value
            try await cat.waitForExit()
        }
    }

    @Test("PR-4: forty programs at once; each exit goes to its own", arguments: backends)
    func many(backend: IOBackend) async throws {
        try await onLoop(backend) { _ in
            let shells = try (0..<40).map { try Subprocess(["sh", "-c", "exit \($0)"]) }
            for (index, shell) in shells.enumerated().reversed() {
                #expect(try await shell.waitForExit(raiseError: false) == .status(Int32(index)))
            }
        }
    }

    private func openDescriptors() -> Int { (0..<1024).count { fcntl($0, F_GETFD) >= 0 } }

    private func link(_ fd: CInt) -> String {
        var path = [CChar](repeating: 0, count: 256)
        let count = readlink("/proc/self/fd/\(fd)", &path, path.count)
        return String(decoding: path[..<max(count, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
