/// The lines that wait for the thread of a `LogWriter`, and what that thread does. Used under the writer's lock.
struct LogQueue {
    /// The state of the writer's thread.
    enum Phase {
        /// It waits for a line, and has to be woken.
        case asleep
        /// It has written, and gathers lines for a moment before it writes again. Only urgent lines, and a queue that is
        /// half full, wake it.
        case gathering
        /// It writes, and looks for more lines afterwards.
        case writing
        case ended
    }

    /// The fate of a line that was added.
    enum Addition {
        case added
        /// The line is the one that has to wake the writer's thread.
        case addedAndWakes
        case dropped
    }

    /// The next work of the writer's thread.
    struct Batch {
        var lines: UnsafeRawBufferPointer
        /// Lines that were dropped and not reported yet.
        var dropped: Int
        var reopens: Bool
        /// Whether the writer was closed, so that nothing follows.
        var isLast: Bool
    }

    // One half is filled while the thread writes the other one.
    private var filling: UnsafeMutableRawBufferPointer
    private var writing: UnsafeMutableRawBufferPointer
    private var count = 0
    private var dropped = 0
    private var reopens = false
    private var isClosed = false
    private(set) var phase = Phase.writing

    /// The memory is released by `releaseMemory`.
    init(capacity: Int) {
        // The kernel gives pages to such large pieces only once they are used.
        filling = .allocate(byteCount: max(capacity / 2, 1), alignment: 16)
        writing = .allocate(byteCount: max(capacity / 2, 1), alignment: 16)
    }

    /// Whether everything was written or dropped.
    var isIdle: Bool { count == 0 && phase != .writing }

    mutating func add(_ line: UnsafeRawBufferPointer, isUrgent: Bool) -> Addition {
        guard !isClosed, line.count <= filling.count - count, let source = line.baseAddress,
            let start = filling.baseAddress
        else {
            dropped += 1
            return .dropped
        }
        (start + count).copyMemory(from: source, byteCount: line.count)
        count += line.count
        switch phase {
        case .asleep: break
        case .gathering where isUrgent || count > filling.count / 2: break
        case .gathering, .writing, .ended: return .added
        }
        // The next lines find a thread that is awake.
        phase = .writing
        return .addedAndWakes
    }

    /// Counts lines that the kernel did not take.
    mutating func lose(_ lines: Int) { dropped += lines }

    /// Has the thread look at the queue. Returns whether it has to be woken.
    mutating func hurry(reopening: Bool = false, closing: Bool = false) -> Bool {
        reopens = reopens || reopening
        isClosed = isClosed || closing
        guard phase == .asleep || phase == .gathering else { return false }
        phase = .writing
        return true
    }

    // MARK: The writer's thread

    /// The work that is there; nil: there is none, and the thread sleeps.
    mutating func take() -> Batch? {
        guard count > 0 || dropped > 0 || reopens || isClosed else {
            phase = .asleep
            return nil
        }
        phase = .writing
        swap(&filling, &writing)
        defer {
            count = 0
            dropped = 0
            reopens = false
        }
        return Batch(
            lines: UnsafeRawBufferPointer(rebasing: writing[..<count]), dropped: dropped, reopens: reopens,
            isLast: isClosed)
    }

    /// The thread begins to gather lines.
    mutating func gather() { if !isClosed { phase = .gathering } }

    /// The thread has gathered for long enough.
    mutating func endGathering() { phase = .writing }

    /// The thread ends.
    mutating func end() {
        phase = .ended
        filling.deallocate()
        writing.deallocate()
        filling = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        writing = filling
    }
}
