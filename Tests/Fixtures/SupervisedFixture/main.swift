// A supervised server for ProcessSupervisorTests. One line a request: `who` tells the worker's process and number,
// `signals` which signals were ignored and blocked at its start, `boom` traps, `bye` ends the worker normally, `fail` throws.
import Glibc
import TwisterIO

/// A worker unblocks its signals when it first asks for its number.
let taskID = ProcessSupervisor.taskID

/// The masks of ignored and of blocked signals that this process has begun with.
let signalsAtStart = {
    guard let file = fopen("/proc/self/status", "r") else { return "" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    var masks: [String] = []
    while fgets(&line, CInt(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 > 32 || $0 == 9 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if text.hasPrefix("SigIgn") || text.hasPrefix("SigBlk") { masks.append(text) }
    }
    return masks.joined(separator: " ")
}()

func serve(_ stream: IOStream, _ address: SocketAddress?) async throws {
    struct Failure: Error {}
    while true {
        let line = try await stream.readUntil("\n", maxBytes: 100)
        switch String(decoding: line, as: UTF8.self) {
        case "who\n": try await stream.write("\(getpid()) \(ProcessSupervisor.taskID ?? -1)\n")
        case "boom\n":
            let bytes = line
            print(bytes[bytes.count])
        case "signals\n": try await stream.write(signalsAtStart + "\n")
        case "bye\n": exit(0)
        case "fail\n": throw Failure()
        default: try await stream.write(line)
        }
    }
}

_ = signalsAtStart
if taskID == nil {
    // A worker must not inherit this.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGUSR1, SIG_IGN)
    var blocked = sigset_t()
    sigaddset(&blocked, SIGUSR2)
    pthread_sigmask(SIG_BLOCK, &blocked, nil)
    let sockets = try bindSockets(port: 0, address: "127.0.0.1")
    print("port \(sockets[0].address?.port ?? 0)")
    fflush(nil)
    var configuration = ProcessSupervisor.Configuration(processes: 2)
    configuration.initialBackoff = .milliseconds(200)
    if CommandLine.arguments.contains("--no-restarts") { configuration.maxRestarts = 0 }
    do {
        try ProcessSupervisor(sockets, configuration: configuration).run()
    } catch let error as ProcessSupervisor.TooManyRestarts {
        print(error)
        exit(3)
    }
} else {
    let server = TCPServer(try IOLoop.current(), handler: serve)
    try server.addSockets(ListeningSocket.inherited())
    ProcessSupervisor.workerServes()
    try IOLoop.current().run()
}
