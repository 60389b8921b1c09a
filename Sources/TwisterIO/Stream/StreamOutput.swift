import Glibc

/// Bytes on their way to the kernel: segments in order, the first of which may be under way.
///
/// Small writes are copied together into pool buffers; a large array is kept by reference and goes out uncopied; a
/// range of a file goes out by sendfile. Only streams that have output hold one; the loop keeps a few of them for the next
/// streams that have.
struct StreamOutput: ~Copyable {
    private struct Segment {
        enum Storage {
            case pool(UInt32)
            case heap
            /// The array whose bytes the segment is.
            case array([UInt8])
            /// `base` is unused.
            case file(SentFile)
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
    }

    /// The bytes to send next: all of a segment, or a piece of a long one.
    enum Piece {
        case memory(UnsafeRawBufferPointer)
        case file(SentFile, Range<Int>)
    }

    /// The segment that is sent; nil: none was closed yet.
    private var first: Segment?
    private var rest = FIFO<Segment>()
    /// The segment that is being filled.
    private var last: Segment?
    /// Bytes that the kernel has not taken yet.
    private(set) var count = 0
    /// The part of `count` that lies in files.
    private(set) var fileCount = 0
    /// When there was first output, after there had been none.
    var began: UInt64 = 0
    /// When the kernel was last given output, or was seen to have taken some.
    var progress: UInt64 = 0
    /// The size of the piece under way.
    var pieceCount = 0
    /// How many bytes of the piece under way the kernel had not taken then.
    var leftAtProgress = 0
    /// The next one in the loop's list of outputs that are not in use.
    fileprivate var nextFree: UnsafeMutablePointer<StreamOutput>?

    static let copyLimit = 4096
    /// Longer arrays and files go out in pieces, so that a fast reader does not keep the other connections waiting. A
    /// piece costs a system call; files of 1 MiB cost twice the processor time in pieces of 64 KiB.
    private static let pieceSize = 1 << 20
    /// Pieces of files are shorter, since the kernel may have to find the memory for them and to read them first.
    private static let filePieceSize = 1 << 18

    var isEmpty: Bool { count == 0 }

    /// Room for `size` bytes in the last segment; nil if it does not have so much.
    @inline(__always)
    func room(_ size: Int) -> UnsafeMutableRawPointer? {
        guard let base = last?.base, let open = last?.count, let capacity = last?.capacity, capacity - open >= size
        else {
            return nil
        }
        return base + open
    }

    /// Room for `size` bytes behind what is there; `commit` says how many of them were written. Nil if there is no memory.
    mutating func reserve(_ size: Int, _ reactor: Reactor) -> UnsafeMutableRawPointer? {
        if let room = room(size) { return room }
        if last != nil { push(reactor) }
        return open(size, reactor)
    }

    private mutating func open(_ size: Int, _ reactor: Reactor) -> UnsafeMutableRawPointer? {
        if size <= reactor.bufferSize, let (id, base) = reactor.acquireBuffer() {
            last = Segment(storage: .pool(id), base: base, capacity: reactor.bufferSize)
            return base
        }
        let capacity = max(size, reactor.bufferSize)
        guard let base = reactor.allocate(capacity) else { return nil }
        last = Segment(storage: .heap, base: base, capacity: capacity)
        return base
    }

    /// Returns false if `reserve` had no memory.
    mutating func commit(_ size: Int) -> Bool {
        guard last != nil else { return false }
        last?.count += size
        count += size
        return true
    }

    /// Returns false if there is no memory.
    mutating func append(copying bytes: UnsafeRawBufferPointer, _ reactor: Reactor) -> Bool {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return true }
        guard let room = reserve(bytes.count, reactor) else { return false }
        room.copyMemory(from: source, byteCount: bytes.count)
        return commit(bytes.count)
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

    mutating func append(_ file: SentFile, _ reactor: Reactor) {
        guard !file.range.isEmpty else { return }
        push(reactor)
        enqueue(Segment(storage: .file(file), base: nil, capacity: 0, count: file.range.count))
        fileCount += file.range.count
        count += file.range.count
    }

    /// The bytes to send next, at most `limit`; nil where there are none. Their segment is closed for further bytes.
    mutating func next(_ reactor: Reactor, atMost limit: Int = .max) -> Piece? {
        if first == nil {
            // The usual case: the segment that was filled is the only one.
            guard last != nil, let open = last.take() else { return nil }
            guard open.count > 0 else {
                Self.free(open, reactor)
                return nil
            }
            first = open
        }
        return first.map { segment in
            let left = segment.count - segment.sent
            if case .file(let file) = segment.storage {
                let start = file.range.lowerBound + segment.sent
                return .file(file, start..<start + min(left, Self.filePieceSize, limit))
            }
            return .memory(
                UnsafeRawBufferPointer(
                    start: segment.base.map { $0 + segment.sent }, count: min(left, Self.pieceSize, limit)))
        }
    }

    /// The kernel has taken `size` bytes of the first segment.
    mutating func taken(_ size: Int, _ reactor: Reactor) {
        guard size > 0, let sent = first?.sent, let length = first?.count else { return }
        count -= size
        if fileCount > 0, first?.isFile == true { fileCount -= size }
        if sent + size < length {
            first?.sent = sent + size
        } else if let segment = first.take() {
            Self.free(segment, reactor)
            if !rest.isEmpty { first = rest.popFirst() }
        }
    }

    mutating func removeAll(_ reactor: Reactor) {
        push(reactor)
        while let segment = first.take() {
            Self.free(segment, reactor)
            first = rest.popFirst()
        }
        count = 0
        fileCount = 0
    }

    /// Closes the segment that is being filled.
    private mutating func push(_ reactor: Reactor) {
        guard last != nil, let open = last.take() else { return }
        if open.count > 0 { enqueue(open) } else { Self.free(open, reactor) }
    }

    private mutating func enqueue(_ segment: Segment) {
        if first == nil { first = segment } else { rest.append(segment) }
    }

    private static func free(_ segment: Segment, _ reactor: Reactor) {
        switch segment.storage {
        case .pool(let id): reactor.releaseBuffer(id)
        case .heap: Glibc.free(segment.base)
        case .array, .file: break
        }
    }
}

/// The memory of outputs that are not in use, for a loop's next streams that have some to send.
final class OutputPool {
    // Taken from and given to once a response, by code that does nothing else meanwhile. Checked, the four accesses cost 220
    // instructions a response.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var first: UnsafeMutablePointer<StreamOutput>?
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var count = 0

    /// So many are kept.
    private static let most = 64

    deinit {
        while let output = first {
            first = output.pointee.nextFree
            Self.destroy(output)
        }
    }

    func take() -> UnsafeMutablePointer<StreamOutput> {
        if let output = first {
            first = output.pointee.nextFree
            count &-= 1
            return output
        }
        let made = UnsafeMutablePointer<StreamOutput>.allocate(capacity: 1)
        made.initialize(to: StreamOutput())
        return made
    }

    /// Takes back an empty output.
    func put(_ output: UnsafeMutablePointer<StreamOutput>) {
        guard count < Self.most else { return Self.destroy(output) }
        output.pointee.nextFree = first
        first = output
        count &+= 1
    }

    private static func destroy(_ output: UnsafeMutablePointer<StreamOutput>) {
        output.deinitialize(count: 1)
        output.deallocate()
    }
}
