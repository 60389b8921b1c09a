/// Octets in one piece of memory that grows and is kept for the next use.
@usableFromInline
package struct OctetBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawBufferPointer
    @usableFromInline package internal(set) var count = 0

    private static var leastRoom: Int { 256 }

    /// Takes no memory before it is used.
    package init() {
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        storage.deallocate()
    }

    @inlinable package var isEmpty: Bool { count == 0 }

    /// The octets. They are valid until the buffer changes.
    @inlinable package var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

    package mutating func append(_ octets: UnsafeRawBufferPointer) {
        guard let source = octets.baseAddress, octets.count > 0 else { return }
        grow(by: octets.count).copyMemory(from: source, byteCount: octets.count)
    }

    /// Adds a field line of HTTP/1.1 (RFC 9112, 5).
    package mutating func appendFieldLine(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let line = UnsafeMutableRawBufferPointer(
            start: grow(by: name.count + value.count + 4), count: name.count + value.count + 4)
        line.copyMemory(from: name)
        line[name.count] = UInt8(ascii: ":")
        line[name.count + 1] = UInt8(ascii: " ")
        UnsafeMutableRawBufferPointer(rebasing: line[(name.count + 2)...]).copyMemory(from: value)
        line[line.count - 2] = UInt8(ascii: "\r")
        line[line.count - 1] = UInt8(ascii: "\n")
    }

    /// Adds `added` octets (at least one), which the caller writes at the address that is returned.
    @inline(__always)
    mutating func grow(by added: Int) -> UnsafeMutableRawPointer {
        if added > storage.count &- count { makeRoom(for: added) }
        guard let start = storage.baseAddress else { preconditionFailure("a buffer with room has an address") }
        // The sum is at most the size of the memory.
        defer { count &+= added }
        return start + count
    }

    @inline(never)
    private mutating func makeRoom(for added: Int) {
        // Sizes are powers of two, so that appending many times copies the octets only a few times.
        let size = max(Self.leastRoom, 1 << (Int.bitWidth - (count + added - 1).leadingZeroBitCount))
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        larger.copyMemory(from: octets)
        storage.deallocate()
        storage = larger
    }

    /// Has the first `count` octets again that were there before the buffer was emptied. Returns false where their memory was
    /// given back.
    @inline(__always)
    mutating func restore(_ count: Int) -> Bool {
        guard count <= storage.count else { return false }
        self.count = count
        return true
    }

    /// Removes the octets of `range`. The octets behind it move up.
    mutating func remove(_ range: Range<Int>) {
        let rest = UnsafeRawBufferPointer(rebasing: storage[range.upperBound..<count])
        UnsafeMutableRawBufferPointer(rebasing: storage[range.lowerBound...]).copyMemory(from: rest)
        count -= range.count
    }

    /// Forgets the octets. Memory is kept for the next use, unless an unusual one has made it larger than `keptRoom` octets.
    @inlinable package mutating func removeAll(keptRoom: Int) {
        count = 0
        if storage.count > keptRoom { giveBack() }
    }

    @inline(never)
    @usableFromInline mutating func giveBack() {
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
}
