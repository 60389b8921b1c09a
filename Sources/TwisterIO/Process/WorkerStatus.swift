import Glibc
import Synchronization

/// Memory that a worker shares with its supervisor: the requests under way, and the number of stalled loops. A process that has
/// trapped cannot report anything itself, so its supervisor reads this memory.
package final class WorkerStatus: Sendable {
    static let variable = "TWISTER_STATUS_FD"

    /// A request that was under way.
    package struct Work: Sendable {
        /// The request line; a long one is cut.
        package let line: String
        /// The route and the handler, as `JobLabel` describes them.
        package let label: String
        /// When it began, on `CLOCK_MONOTONIC`, in nanoseconds.
        package let began: UInt64
    }

    /// As many requests are kept as there are slots; further ones are not reported.
    package static let slotCount = 1024
    private static let slotSize = 512
    private static let headerSize = 64
    private static let size = headerSize + slotCount * slotSize
    /// Where the parts of a slot begin: its state, the times and lengths, then both texts.
    private enum Offset {
        static let state = 0
        static let began = 8
        static let lineLength = 16
        static let labelLength = 18
        static let text = 20
    }
    private static let longestLabel = 120
    private static let longestLine = slotSize - Offset.text - longestLabel

    let descriptor: CInt
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer

    private init?(descriptor: CInt) {
        let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        memory = mapped
        self.descriptor = descriptor
    }

    deinit {
        munmap(memory, Self.size)
        close(descriptor)
    }

    /// Nil where there is no memory for it; crashes are then reported without the requests.
    static func create() -> WorkerStatus? {
        let descriptor = Reactor.memoryFile(size)
        guard descriptor >= 0 else { return nil }
        if let status = WorkerStatus(descriptor: descriptor) { return status }
        close(descriptor)
        return nil
    }

    /// The memory that this process shares with its supervisor; nil: it has none.
    package static let inherited: WorkerStatus? = {
        guard Environment.taskID != nil, let text = getenv(variable), let descriptor = CInt(String(cString: text))
        else {
            return nil
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return WorkerStatus(descriptor: descriptor)
    }()

    // MARK: The worker's side

    /// Notes a request in a slot, which the caller has to itself.
    package func begin(_ slot: Int, line: UnsafeRawBufferPointer, label: String, began: UInt64) {
        let base = memory + Self.headerSize + slot * Self.slotSize
        let lineLength = min(line.count, Self.longestLine)
        var label = label
        let labelLength = label.withUTF8 { octets in
            let count = min(octets.count, Self.longestLabel)
            if let start = octets.baseAddress {
                (base + Offset.text + Self.longestLine).copyMemory(from: start, byteCount: count)
            }
            return count
        }
        if let start = line.baseAddress { (base + Offset.text).copyMemory(from: start, byteCount: lineLength) }
        base.storeBytes(of: began, toByteOffset: Offset.began, as: UInt64.self)
        base.storeBytes(of: UInt16(lineLength), toByteOffset: Offset.lineLength, as: UInt16.self)
        base.storeBytes(of: UInt16(labelLength), toByteOffset: Offset.labelLength, as: UInt16.self)
        setState(base, 1)
    }

    /// The request of a slot is over.
    package func end(_ slot: Int) { setState(memory + Self.headerSize + slot * Self.slotSize, 0) }

    /// The worker's process may be killed between any two instructions: the state is written last.
    private func setState(_ base: UnsafeMutableRawPointer, _ state: UInt32) {
        atomicMemoryFence(ordering: .releasing)
        base.storeBytes(of: state, toByteOffset: Offset.state, as: UInt32.self)
    }

    /// How many loops of the worker are stalled.
    package var stalledLoops: Int {
        get { Int(memory.load(as: UInt32.self)) }
        set { memory.storeBytes(of: UInt32(clamping: newValue), as: UInt32.self) }
    }

    /// Whether the server as a whole ends: nobody will accept from the listening sockets after this worker. The supervisor
    /// says so before it tells the worker to end.
    package var isServerEnding: Bool {
        get { memory.load(fromByteOffset: 8, as: UInt32.self) != 0 }
        set { memory.storeBytes(of: newValue ? 1 : 0, toByteOffset: 8, as: UInt32.self) }
    }

    /// Whether the worker ends, perhaps because somebody else has told it to: it does not accept any more.
    private(set) var isEnding: Bool {
        get { memory.load(fromByteOffset: 12, as: UInt32.self) != 0 }
        set { memory.storeBytes(of: newValue ? 1 : 0, toByteOffset: 12, as: UInt32.self) }
    }

    /// Says that this worker ends, and wakes its supervisor, which has another process take its place at once.
    package func tellEnd() {
        isEnding = true
        if !Environment.isOrphan { kill(getppid(), SIGCHLD) }
    }

    // MARK: The supervisor's side

    /// The requests that were under way when the worker ended, the oldest first.
    var requests: [Work] {
        var requests: [Work] = []
        for slot in 0..<Self.slotCount {
            let base = memory + Self.headerSize + slot * Self.slotSize
            guard base.load(fromByteOffset: Offset.state, as: UInt32.self) == 1 else { continue }
            // A process that crashed may have written anything, so the lengths are checked.
            let lineLength = Int(base.load(fromByteOffset: Offset.lineLength, as: UInt16.self))
            let labelLength = Int(base.load(fromByteOffset: Offset.labelLength, as: UInt16.self))
            guard lineLength <= Self.longestLine, labelLength <= Self.longestLabel else { continue }
            requests.append(
                Work(
                    line: Self.text(base + Offset.text, lineLength),
                    label: Self.text(base + Offset.text + Self.longestLine, labelLength),
                    began: base.load(fromByteOffset: Offset.began, as: UInt64.self)))
        }
        return requests.sorted { $0.began < $1.began }
    }

    /// Printable ASCII of the text; other characters might forge lines of the log.
    private static func text(_ base: UnsafeMutableRawPointer, _ count: Int) -> String {
        let octets = UnsafeRawBufferPointer(start: base, count: count)
        return String(decoding: octets.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
