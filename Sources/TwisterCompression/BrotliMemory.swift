import Glibc

/// The memory of one Brotli encoder after the other. Blocks that an encoder gives back are kept for the next encoder, which
/// asks for about the same sizes. The system would map and clear the pages of the largest blocks for each body.
final class BrotliMemory {
    /// The most bytes and blocks that are kept.
    private static let maxIdleSize = 3 << 20
    private static let maxIdleBlocks = 32
    /// The size of a block stands before it, in a header that keeps the alignment of `malloc`.
    private static let headerSize = 16
    private static let pageSize = 4096

    private var idleBlocks: [UnsafeMutableRawPointer] = []
    private(set) var idleSize = 0

    deinit {
        for block in idleBlocks { free(block) }
    }

    /// A block of at least this size. Nil where there is no memory.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let (sum, overflows) = size.addingReportingOverflow(Self.headerSize + Self.pageSize - 1)
        guard !overflows else { return nil }
        // Blocks of whole pages fit more of the requests that come.
        let whole = sum / Self.pageSize * Self.pageSize
        if let index = idleBlocks.firstIndex(where: { Self.fits(Self.size($0), whole) }) {
            let block = idleBlocks.remove(at: index)
            idleSize -= Self.size(block)
            return block + Self.headerSize
        }
        guard let block = malloc(whole) else { return nil }
        block.storeBytes(of: whole, as: Int.self)
        return block + Self.headerSize
    }

    /// Takes back a block that `allocate` returned.
    func release(_ pointer: UnsafeMutableRawPointer) {
        let block = pointer - Self.headerSize
        let size = Self.size(block)
        guard idleBlocks.count < Self.maxIdleBlocks, idleSize + size <= Self.maxIdleSize else { return free(block) }
        idleBlocks.append(block)
        idleSize += size
    }

    /// A small block is not put into a far larger one, which a later request would miss.
    private static func fits(_ size: Int, _ whole: Int) -> Bool { size >= whole && size / 2 <= whole }

    private static func size(_ block: UnsafeMutableRawPointer) -> Int { block.load(as: Int.self) }
}
