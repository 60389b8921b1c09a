import Glibc

/// Bytes on their way to the kernel: segments in order, the first of which may be under way.
///
/// Small writes are copied together into pool buffers; a large array is kept by reference and goes out uncopied; a
/// range of a file goes out by sendfile. Only streams that have output hold one; the loop keeps a few of them for the next
/// streams that have.
struct StreamOutput: ~Copyable {
    struct Segment {
        enum Storage {
            case pool(UInt32)
            case heap
            /// The array whose bytes the segment is.
            case array([UInt8])
            /// A file's descriptor, which `owner` keeps open; `base` is unused.
            case file(CInt, offset: UInt64, owner: AnyObject?)
        }
        var storage: Storage
        var base: UnsafeMutableRawPointer?
        var capacity: Int
        var count = 0
        /// How many bytes the kernel has taken.
        var sent = 0

        var isFile: Bool {
            if case .file = storage { return true }
            return false
        }

        /// The bytes to send next: all, or a piece of what is long.
        var piece: Int { min(count - sent, isFile ? StreamOutput.filePieceSize : StreamOutput.pieceSize) }
    }

    private(set) var first: Segment?
    private var rest = FIFO<Segment>()
    private var last: Segment?
    /// Bytes that the kernel has not taken yet.
    private(set) var count = 0
    /// Those of them that lie in files.
    private(set) var fileCount = 0
    /// When there was first output, after there had been none.
    var began: UInt64 = 0
    /// When the kernel was last given output.
    var progress: UInt64 = 0

    static let copyLimit = 4096
    /// Longer arrays go out in pieces, so that a slow peer's progress shows.
    static let pieceSize = 65_536
    /// Files too. A piece of a file is one system call, so it may be longer.
    static let filePieceSize = 262_144

    var isEmpty: Bool { count == 0 }

    /// Room for `size` bytes behind what is there; `commit` says how many of them were written.
    mutating func reserve(_ size: Int, _ reactor: Reactor) -> UnsafeMutableRawPointer {
        if let open = last, let base = open.base, open.capacity - open.count >= size { return base + open.count }
        push(reactor)
        if size <= reactor.bufferSize, let (id, base) = reactor.acquireBuffer() {
            last = Segment(storage: .pool(id), base: base, capacity: reactor.bufferSize)
            return base
        }
        let capacity = max(size, reactor.bufferSize)
        let base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        last = Segment(storage: .heap, base: base, capacity: capacity)
        return base
    }

    mutating func commit(_ size: Int) {
        last?.count += size
        count += size
    }

    mutating func append(copying bytes: UnsafeRawBufferPointer, _ reactor: Reactor) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count, reactor).copyMemory(from: source, byteCount: bytes.count)
        commit(bytes.count)
    }

    /// Keeps `bytes` as they are until the kernel has taken them.
    mutating func append(keeping bytes: [UInt8], _ reactor: Reactor) {
        guard !bytes.isEmpty else { return }
        push(reactor)
        // An array's bytes stay where they are while the segment holds it: nobody else can then change it in place.
        let base = bytes.withUnsafeBytes { $0.baseAddress }
        enqueue(
            Segment(
                storage: .array(bytes), base: UnsafeMutableRawPointer(mutating: base), capacity: bytes.count,
                count: bytes.count))
        count += bytes.count
    }

    mutating func append(file: CInt, offset: UInt64, length: Int, owner: AnyObject?, _ reactor: Reactor) {
        guard length > 0 else { return }
        push(reactor)
        enqueue(Segment(storage: .file(file, offset: offset, owner: owner), base: nil, capacity: 0, count: length))
        fileCount += length
        count += length
    }

    /// The segment to send next, closed for further bytes.
    mutating func front(_ reactor: Reactor) -> Segment? {
        if first == nil { push(reactor) }
        return first
    }

    /// The first segment's piece was sent. Returns its size.
    mutating func pieceSent(_ reactor: Reactor) -> Int {
        guard let piece = first?.piece else { return 0 }
        taken(piece, reactor)
        return piece
    }

    /// `count` bytes of the first segment were taken.
    mutating func taken(_ count: Int, _ reactor: Reactor) {
        guard count > 0, first != nil else { return }
        if first?.isFile == true { fileCount -= count }
        first?.sent += count
        self.count -= count
        if let segment = first, segment.sent == segment.count { removeFirst(reactor) }
    }

    private mutating func removeFirst(_ reactor: Reactor) {
        guard let segment = first else { return }
        count -= segment.count - segment.sent
        if segment.isFile { fileCount -= segment.count - segment.sent }
        Self.free(segment, reactor)
        first = rest.popFirst()
    }

    mutating func removeAll(_ reactor: Reactor) {
        push(reactor)
        while first != nil { removeFirst(reactor) }
    }

    /// Closes the segment that is being filled.
    private mutating func push(_ reactor: Reactor) {
        guard let open = last.take() else { return }
        if open.count > 0 { enqueue(open) } else { Self.free(open, reactor) }
    }

    private mutating func enqueue(_ segment: Segment) {
        if first == nil { first = segment } else { rest.append(segment) }
    }

    private static func free(_ segment: Segment, _ reactor: Reactor) {
        switch segment.storage {
        case .pool(let id): reactor.releaseBuffer(id)
        case .heap: segment.base?.deallocate()
        case .array, .file: break
        }
    }
}

/// The memory of outputs that are not in use, for a loop's next streams that have some to send.
final class OutputPool {
    private var free: ContiguousArray<UnsafeMutablePointer<StreamOutput>> = []

    /// So many are kept.
    private static let most = 64

    deinit { for output in free { Self.destroy(output) } }

    func take() -> UnsafeMutablePointer<StreamOutput> {
        if let output = free.popLast() { return output }
        let made = UnsafeMutablePointer<StreamOutput>.allocate(capacity: 1)
        made.initialize(to: StreamOutput())
        return made
    }

    /// Takes back an empty output.
    func put(_ output: UnsafeMutablePointer<StreamOutput>) {
        if free.count < Self.most { free.append(output) } else { Self.destroy(output) }
    }

    private static func destroy(_ output: UnsafeMutablePointer<StreamOutput>) {
        output.deinitialize(count: 1)
        output.deallocate()
    }
}
