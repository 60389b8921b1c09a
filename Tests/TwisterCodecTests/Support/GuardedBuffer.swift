import Glibc

/// Memory whose last octet is followed by a page without access: code that reads one octet too far crashes.
final class GuardedBuffer {
    private let mapping: UnsafeMutableRawPointer
    private let size: Int
    private let guardPage: UnsafeMutableRawPointer

    init(capacity: Int) {
        let page = Int(getpagesize())
        let usable = (capacity + page - 1) / page * page
        size = usable + page
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { preconditionFailure("no memory for a guarded buffer") }
        mapping = memory
        guardPage = memory + usable
        precondition(mprotect(guardPage, page, PROT_NONE) == 0, "the guard page stays open")
    }

    deinit {
        munmap(mapping, size)
    }

    /// Copies the octets to the end of the memory, right before the guard page.
    func withBytes<Result>(
        _ octets: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let start = guardPage - octets.count
        UnsafeMutableRawBufferPointer(start: start, count: octets.count).copyBytes(from: octets)
        return try body(UnsafeRawBufferPointer(start: start, count: octets.count))
    }
}
