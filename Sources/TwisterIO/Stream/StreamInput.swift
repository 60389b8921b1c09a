import Glibc

/// Bytes that were received and not yet consumed, in one piece.
///
/// In the usual case everything is consumed where it lies, in the reactor's pool buffer, and nothing is kept. Bytes that
/// are left stay in the pool buffer until the end of the turn (a pipelined request is usually consumed by then), and move
/// into memory of the stream's own after that, so that a slow peer holds no pool buffer.
///
/// Positions are 32 bits wide, because each idle connection has them: a stream buffers less than 4 GiB.
struct StreamInput {
    /// Where the bytes lie: in pool buffer `poolBuffer`, or in memory of our own with room for `capacity` bytes.
    private var base: UnsafeMutableRawPointer?
    private var start: UInt32 = 0
    private var end: UInt32 = 0
    private var capacity: UInt32 = 0
    private var poolBuffer = StreamInput.noBuffer

    private static let noBuffer = UInt32.max
    /// The most bytes that fit.
    static let limit = Int(UInt32.max / 2)

    var isEmpty: Bool { start == end }
    var count: Int { Int(end &- start) }
    /// Whether the bytes lie in a pool buffer.
    var isPinned: Bool { poolBuffer != Self.noBuffer }

    @inline(__always)
    var bytes: UnsafeRawBufferPointer {
        guard let base, start < end else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + Int(start), count: count)
    }

    /// Keeps a pool buffer with its bytes. Only while empty.
    mutating func pin(_ bytes: UnsafeRawBufferPointer, buffer: UInt32) {
        base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        start = 0
        end = UInt32(truncatingIfNeeded: bytes.count)
        poolBuffer = buffer
    }

    /// Counts bytes as consumed; gives the memory back where that was the last of it.
    mutating func consume(_ count: Int, _ reactor: Reactor) {
        start += UInt32(truncatingIfNeeded: min(count, self.count))
        if start == end { release(reactor) }
    }

    /// Moves bytes that lie in a pool buffer into memory of our own. Returns false, and leaves them where they are, if there is
    /// no memory.
    mutating func unpin(_ reactor: Reactor) -> Bool {
        guard isPinned else { return true }
        let rest = bytes
        var moved = StreamInput()
        if !rest.isEmpty, !moved.append(rest, reactor) { return false }
        reactor.releaseBuffer(poolBuffer)
        self = moved
        return true
    }

    /// Adds bytes behind those that are there. Returns false, and adds none, if there is no memory.
    mutating func append(_ bytes: UnsafeRawBufferPointer, _ reactor: Reactor) -> Bool {
        guard unpin(reactor) else { return false }
        precondition(
            count + bytes.count <= Self.limit, "IOStream: more than 2 GiB are unread; read or lower maxBufferSize")
        if Int(end) + bytes.count > Int(capacity), !makeRoom(count + bytes.count, reactor) { return false }
        guard let base, let source = bytes.baseAddress else { return true }
        (base + Int(end)).copyMemory(from: source, byteCount: bytes.count)
        end += UInt32(truncatingIfNeeded: bytes.count)
        return true
    }

    /// Puts bytes back before those that are there. Returns false, and changes nothing, if there is no memory.
    mutating func prepend(_ bytes: UnsafeRawBufferPointer, _ reactor: Reactor) -> Bool {
        var joined = StreamInput()
        guard joined.append(bytes, reactor), joined.append(self.bytes, reactor) else {
            joined.removeAll(reactor)
            return false
        }
        removeAll(reactor)
        self = joined
        return true
    }

    /// Memory for `needed` bytes from the front on: doubled, so that bytes that trickle in cost linear time. Returns false if
    /// there is none.
    private mutating func makeRoom(_ needed: Int, _ reactor: Reactor) -> Bool {
        let old = bytes
        if needed <= Int(capacity) / 2, let base {
            if let source = old.baseAddress { base.copyMemory(from: source, byteCount: old.count) }
        } else {
            let size = max(512, min(needed * 2, Self.limit))
            guard let grown = reactor.allocate(size) else { return false }
            if let source = old.baseAddress { grown.copyMemory(from: source, byteCount: old.count) }
            free(base)
            base = grown
            capacity = UInt32(truncatingIfNeeded: size)
        }
        start = 0
        end = UInt32(truncatingIfNeeded: old.count)
        return true
    }

    private mutating func release(_ reactor: Reactor) {
        if isPinned { reactor.releaseBuffer(poolBuffer) } else { free(base) }
        self = StreamInput()
    }

    /// Drops everything.
    mutating func removeAll(_ reactor: Reactor) { consume(count, reactor) }
}
