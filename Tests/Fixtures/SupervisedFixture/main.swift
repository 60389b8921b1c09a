// A supervised server for ProcessSupervisorTests. One line a request: `who` tells the worker's process and number,
// `boom` traps, `bye` ends the worker normally, `fail` throws.
import Glibc
import TwisterIO

func serve(_ stream: IOStream, _ address: SocketAddress?) async throws {
    struct Failure: Error {}
    while true {
        let line = try await stream.readUntil("\n", maxBytes: 100)
        switch String(decoding: line, as: UTF8.self) {
        case "who\n": try await stream.write("\(getpid()) \(ProcessSupervisor.taskID ?? -1)\n")
        case "boom\n":
            let bytes = line
            print(bytes[bytes.count])
        case "bye\n": exit(0)
        case "fail\n": throw Failure()
        default: try await stream.write(line)
        }
    }
}

if ProcessSupervisor.taskID == nil {
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
    try IOLoop.current().run()
}
