import Glibc
import TwisterIO

/// The cost of the loop: timers, callbacks, hops between threads, sleeping tasks.
///
///     loop-bench [--small] [--backend io_uring|epoll]

let arguments = CommandLine.arguments.dropFirst()
let isSmall = arguments.contains("--small")
var backend: IOBackend?
if let index = arguments.firstIndex(of: "--backend"), index + 1 < arguments.endIndex {
    backend = IOBackend(rawValue: arguments[index + 1])
}
if arguments.contains("--help") {
    print("loop-bench [--small] [--backend io_uring|epoll]")
    exit(0)
}

do {
    let loop = try IOLoop(IOLoop.Configuration(backend: backend))
    let bench = LoopBench(loop, isSmall: isSmall)
    let isWithinBudgets = try bench.run()
    loop.close()
    exit(isWithinBudgets ? 0 : 1)
} catch {
    print("loop-bench: \(error)")
    exit(2)
}
