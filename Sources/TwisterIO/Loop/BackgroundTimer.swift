import Glibc

/// Calls back after a time, on a thread of its own, whatever the loops and Swift's pool of threads are busy with.
package enum BackgroundTimer {
    /// - Throws: `IOError` where no thread can be started.
    package static func call(
        after delay: Duration, _ body: @escaping @Sendable () -> Void
    ) throws(IOError) {
        try NativeThread.start(name: "twister-timer", blocksSignals: true) {
            // Signals are blocked here, so that nothing interrupts the sleep.
            var time = timespec(delay)
            nanosleep(&time, nil)
            body()
        }
    }
}

extension timespec {
    init(_ duration: Duration) {
        let nanoseconds = max(duration.nanosecondsClamped, 0)
        self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}
