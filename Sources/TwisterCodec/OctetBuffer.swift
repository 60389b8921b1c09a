/// Octets in one piece of memory that grows, and keeps its room for the next use.
struct OctetBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    private static var usualRoom: Int { 256 }
    /// Room that one unusual use made grow beyond this is given back.
    private static var keptRoom: Int { 8192 }

    init() {
        storage = .allocate(byteCount: Self.usualRoom, alignment: 16)
    }

    deinit {
        storage.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    /// Valid until the buffer changes.
    var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

    mutating func append(_ octets: UnsafeRawBufferPointer) {
        guard let source = octets.baseAddress else { return }
        grow(by: octets.count).copyMemory(from: source, byteCount: octets.count)
    }

    /// Adds `added` octets, which the caller writes at the address that it gets.
    mutating func grow(by added: Int) -> UnsafeMutableRawPointer {
        if added > storage.count - count { makeRoom(for: added) }
        defer { count += added }
        // There is room, so there is an address.
        return storage.baseAddress.unsafelyUnwrapped + count
    }

    @inline(never)
    private mutating func makeRoom(for added: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: (count + added) * 2, alignment: 16)
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

    mutating func removeAll() {
        count = 0
        guard storage.count > Self.keptRoom else { return }
        storage.deallocate()
        storage = .allocate(byteCount: Self.usualRoom, alignment: 16)
    }
}
