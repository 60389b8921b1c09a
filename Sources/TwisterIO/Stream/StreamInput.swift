/// Bytes that were received and not yet consumed, in one piece.
///
/// In the usual case everything is consumed where it lies, in the reactor's pool buffer, and nothing is kept. What is
/// left stays in the pool buffer until the end of the turn (a pipelined request is usually consumed by then), and moves
/// into storage of its own after that, so that a slow peer holds no pool buffer.
struct StreamInput {
    private var storage: UnsafeMutableRawBufferPointer?
    private var pinned: (bytes: UnsafeRawBufferPointer, buffer: UInt32)?
    private var start = 0
    private var end = 0

    var isEmpty: Bool { start == end }
    var count: Int { end - start }
    var isPinned: Bool { pinned != nil }

    @inline(__always)
    var bytes: UnsafeRawBufferPointer {
        guard start < end else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        if let pinned { return UnsafeRawBufferPointer(rebasing: pinned.bytes[start..<end]) }
        guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: storage[start..<end])
    }

    /// Keeps what is left of a pool buffer. Only while empty.
    mutating func pin(_ bytes: UnsafeRawBufferPointer, buffer: UInt32) {
        pinned = (bytes, buffer)
        start = 0
        end = bytes.count
    }

    /// Counts bytes as consumed; gives the pool buffer back where that was the last of it.
    mutating func consume(_ count: Int, _ reactor: Reactor) {
        start += min(count, end - start)
        guard start == end else { return }
        start = 0
        end = 0
        if let buffer = pinned.take()?.buffer { reactor.releaseBuffer(buffer) }
        freeStorage()
    }

    /// Moves what is pinned into storage of its own.
    mutating func unpin(_ reactor: Reactor) {
        guard let (bytes, buffer) = pinned.take() else { return }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        start = 0
        end = 0
        if !rest.isEmpty { append(rest, reactor) }
        reactor.releaseBuffer(buffer)
    }

    /// Adds bytes behind those that are there.
    mutating func append(_ bytes: UnsafeRawBufferPointer, _ reactor: Reactor) {
        unpin(reactor)
        let needed = count + bytes.count
        if start + needed > (storage?.count ?? 0) { makeRoom(needed) }
        if let storage {
            UnsafeMutableRawBufferPointer(rebasing: storage[end...]).copyMemory(from: bytes)
            end += bytes.count
        }
    }

    /// Puts bytes back before those that are there.
    mutating func prepend(_ bytes: UnsafeRawBufferPointer, _ reactor: Reactor) {
        let rest = Array(self.bytes)
        removeAll(reactor)
        append(bytes, reactor)
        rest.withUnsafeBytes { append($0, reactor) }
    }

    /// Storage for `needed` bytes from the front on: doubled, so that bytes that trickle in cost linear time.
    private mutating func makeRoom(_ needed: Int) {
        let old = self.bytes
        if let storage, needed <= storage.count / 2 {
            storage.copyMemory(from: old)
        } else {
            let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: max(512, needed * 2), alignment: 16)
            grown.copyMemory(from: old)
            storage?.deallocate()
            storage = grown
        }
        end = old.count
        start = 0
    }

    private mutating func freeStorage() {
        storage?.deallocate()
        storage = nil
    }

    /// Drops everything.
    mutating func removeAll(_ reactor: Reactor) { consume(count, reactor) }
}
