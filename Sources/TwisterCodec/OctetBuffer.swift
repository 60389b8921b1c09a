/// Octets in one piece of memory that grows, and keeps its room for the next use.
@usableFromInline
package struct OctetBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutableRawBufferPointer
    @usableFromInline package private(set) var count = 0

    private static var leastRoom: Int { 256 }
    /// Room that one unusual use made grow beyond this is given back.
    private static var keptRoom: Int { 8192 }

    /// Takes no memory before it is used.
    package init() {
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit {
        storage.deallocate()
    }

    @inlinable package var isEmpty: Bool { count == 0 }

    /// Valid until the buffer changes.
    @inlinable package var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

    package mutating func append(_ octets: UnsafeRawBufferPointer) {
        guard let source = octets.baseAddress, octets.count > 0 else { return }
        grow(by: octets.count).copyMemory(from: source, byteCount: octets.count)
    }

    /// Adds `added` octets (at least one), which the caller writes at the address that it gets.
    @inline(__always)
    mutating func grow(by added: Int) -> UnsafeMutableRawPointer {
        if added > storage.count &- count { makeRoom(for: added) }
        // No more than the room.
        defer { count &+= added }
        // There is room, so there is an address.
        return storage.baseAddress.unsafelyUnwrapped + count
    }

    @inline(never)
    private mutating func makeRoom(for added: Int) {
        let size = max(Self.leastRoom, (count + added) * 2)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        larger.copyMemory(from: octets)
        storage.deallocate()
        storage = larger
    }

    /// Takes the octets of `range` out; those behind it move up.
    mutating func remove(_ range: Range<Int>) {
        let rest = UnsafeRawBufferPointer(rebasing: storage[range.upperBound..<count])
        UnsafeMutableRawBufferPointer(rebasing: storage[range.lowerBound...]).copyMemory(from: rest)
        count -= range.count
    }

    package mutating func removeAll() {
        count = 0
        guard storage.count > Self.keptRoom else { return }
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
}
