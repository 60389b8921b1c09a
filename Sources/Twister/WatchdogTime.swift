/// How long a process may take to end beyond the deadline of its shutdown.
enum WatchdogTime {
    /// The watchdog waits for so long after the deadline, and then once more, before it ends the process.
    static let patience = Duration.milliseconds(500)
    /// After so long the process has ended, and has written the stacks of blocked threads to the log.
    static let longest = patience * 2 + .milliseconds(800)
}
