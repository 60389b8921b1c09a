import TwisterIO

/// Measures the cost of a line where several threads hand lines to the log's writer at the same time.
enum LogBench {
    private static let line = [UInt8](repeating: UInt8(ascii: "x"), count: 99) + [UInt8(ascii: "\n")]

    /// The processor time of one line, in nanoseconds, where so many threads add lines as fast as they can; and how many
    /// lines were dropped.
    static func measure(threads: Int, lines: Int) throws -> (nanoseconds: Double, dropped: Int) {
        let writer = try LogConfiguration.Destination.file("/dev/null", LogRotation(.never))
            // Room for everything, so that each line is copied.
            .makeWriter(4 * threads * lines * line.count) { _ in [] }
        let times = ConditionLock<[UInt64]>([])
        for _ in 0..<threads {
            startThread {
                let start = threadTime()
                for _ in 0..<lines { line.withUnsafeBytes { writer.append($0) } }
                let time = threadTime() - start
                times.withLock { $0.append(time) }
            }
        }
        while times.withLock({ $0.count }) < threads { writer.flush(within: .milliseconds(10)) }
        let sum = times.withLock { $0.reduce(0, +) }
        return (Double(sum) / Double(threads * lines), writer.droppedLines)
    }
}
