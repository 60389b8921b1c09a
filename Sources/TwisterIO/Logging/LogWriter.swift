import Glibc
import Synchronization

/// Writes lines to a descriptor or a file, on a thread of its own, so that a loop never waits for a disk, a pipe or the
/// program that reads the log.
///
/// Lines wait in a queue of limited size. One that does not fit is dropped and counted, and a line of its own tells how many
/// were, once there is room again. Adding a line takes one lock, and no system call where the thread is awake: after
/// each write it gathers lines for 10 ms, so that a busy server neither wakes it for each line nor writes each by itself.
///
/// May be used from any thread. Once the writer is released, its thread writes what is left and ends.
package final class LogWriter: Sendable {
    private let queue: ConditionLock<LogQueue>
    private let dropCount: DropCount

    /// How long the thread gathers lines after it has written.
    private static let gatheringTime: UInt64 = 10_000_000
    /// How long the thread waits after the kernel has refused lines: trying again at once does not make a full disk less full.
    private static let retryTime: UInt64 = 1_000_000_000

    /// - Parameters:
    ///   - capacity: bytes that the queue holds. Default 1 MiB.
    ///   - dropNotice: makes the line, with its end, that reports a number of dropped lines.
    init(
        _ target: LogFile.Target, capacity: Int = 1 << 20, dropNotice: @escaping @Sendable (Int) -> [UInt8]
    ) throws(IOError) {
        // No file of ours may get the number of a standard descriptor.
        StandardDescriptors.secure()
        let queue = ConditionLock(LogQueue(capacity: capacity))
        let dropCount = DropCount()
        self.queue = queue
        self.dropCount = dropCount
        do throws(IOError) {
            let file = Handed(try LogFile(target))
            try NativeThread.start(name: "twister-log", blocksSignals: true) {
                // No signal is delivered to this thread: neither does one interrupt its writes, nor does a pipe without
                // readers end the program.
                Self.run(queue, file.value, dropCount, dropNotice)
            }
        } catch {
            queue.withLock { $0.end() }
            throw error
        }
        LogWriters.add(queue)
    }

    deinit { close() }

    /// The lines that were dropped since the start.
    package var droppedLines: Int { dropCount.value }

    /// Adds a line, with its end. Never waits.
    ///
    /// - Parameter isUrgent: whether it is written at once. Other lines may wait 10 ms.
    package func append(_ line: UnsafeRawBufferPointer, isUrgent: Bool = false) {
        switch queue.withLock({ $0.add(line, isUrgent: isUrgent) }) {
        case .added: break
        case .addedAndWakes: queue.signal()
        case .dropped: dropCount.add(1)
        }
    }

    /// Opens the file anew, by its name, before the next line is written: another program has renamed it.
    package func reopen() { Self.hurry(queue, reopening: true) }

    /// Waits until every line that was added was written, `timeout` at most. For the end of a program.
    package func flush(within timeout: Duration) { Self.flush([queue], within: timeout) }

    /// Takes no more lines. The thread writes those that it has, and ends.
    func close() {
        LogWriters.remove(queue)
        Self.hurry(queue, closing: true)
    }

    fileprivate static func hurry(_ queue: ConditionLock<LogQueue>, reopening: Bool = false, closing: Bool = false) {
        if queue.withLock({ $0.hurry(reopening: reopening, closing: closing) }) { queue.signal() }
    }

    fileprivate static func flush(_ queues: [ConditionLock<LogQueue>], within timeout: Duration) {
        let end = ContinuousClock.now + timeout
        for queue in queues { hurry(queue) }
        while queues.contains(where: { queue in queue.withLock { !$0.isIdle } }), ContinuousClock.now < end {
            usleep(500)
        }
    }

    // MARK: The thread

    private static func run(
        _ queue: ConditionLock<LogQueue>, _ file: LogFile, _ dropCount: DropCount,
        _ dropNotice: (Int) -> [UInt8]
    ) {
        while true {
            let batch = queue.wait { $0.take() }
            if batch.reopens {
                do throws(IOError) {
                    try file.reopen()
                } catch {
                    Array("\(error): the old file stays in use\n".utf8).withUnsafeBytes { notice in
                        _ = file.write(notice)
                        // The old file may have no name any more, under which somebody could find it.
                        writeToStandardError(notice)
                    }
                }
            }
            var lost = file.write(batch.lines)
            if lost > 0 { dropCount.add(lost) }
            if batch.dropped > 0 {
                let notice = dropNotice(batch.dropped)
                if notice.withUnsafeBytes({ file.write($0) }) > 0 { lost += batch.dropped }
            }
            if batch.isLast { return queue.withLock { $0.end() } }
            let hasFailed = lost > 0
            queue.withLock {
                if hasFailed { $0.lose(lost) }
                $0.gather()
            }
            queue.wait(nanoseconds: hasFailed ? retryTime : gatheringTime) { $0.phase == .gathering ? nil : () }
            queue.withLock { $0.endGathering() }
        }
    }

    /// Writes to standard error, unless that takes nothing now.
    private static func writeToStandardError(_ bytes: UnsafeRawBufferPointer) {
        var wanted = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&wanted, 1, 0) == 1, wanted.revents & Int16(POLLOUT) != 0 else { return }
        _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }

    /// Counts the lines that were dropped.
    private final class DropCount: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .relaxed) }
        func add(_ lines: Int) {
            count.add(lines, ordering: .relaxed)
            LogWriters.countDrops(lines)
        }
    }

    /// Hands the file to the thread. Sendable, because nobody else keeps it.
    private struct Handed: @unchecked Sendable {
        let value: LogFile
        init(_ value: LogFile) { self.value = value }
    }
}

/// The writers of the process, which are flushed when it ends.
enum LogWriters {
    private static let queues: ConditionLock<[ConditionLock<LogQueue>]> = {
        // A reader that never reads holds the end of the process up no longer than this.
        atexit { LogWriters.flush(within: .milliseconds(500)) }
        return ConditionLock([])
    }()

    fileprivate static func add(_ queue: ConditionLock<LogQueue>) { queues.withLock { $0.append(queue) } }

    fileprivate static func remove(_ queue: ConditionLock<LogQueue>) {
        queues.withLock { $0.removeAll { $0 === queue } }
    }

    private static let drops = Atomic(0)

    /// The lines that any writer has dropped since the start of the process.
    static var droppedLines: Int { drops.load(ordering: .relaxed) }

    fileprivate static func countDrops(_ lines: Int) { drops.add(lines, ordering: .relaxed) }

    /// Has every file opened anew.
    static func reopen() {
        for queue in queues.withLock({ $0 }) { LogWriter.hurry(queue, reopening: true) }
    }

    /// Waits until every line was written, `timeout` at most.
    static func flush(within timeout: Duration) { LogWriter.flush(queues.withLock { $0 }, within: timeout) }
}
