import Testing

@testable import TwisterCompression

/// N-32: no connection keeps memory of a compression library, and a loop keeps little.
struct EncoderPoolTests {
    @Test("a few idle contexts of each coding are kept, and given back", arguments: ResponseCoding.allCases)
    func idle(coding: ResponseCoding) throws {
        let pool = EncoderPool(maxIdle: 2)
        var encoders = try (0..<5).map { _ in try ContentEncoder(coding, level: 4, pool: pool) }
        #expect(pool.activeCount == 5 && pool.idleCount(coding) == 0)
        _ = try encoders[0].encode([1, 2, 3], .finish)
        #expect(pool.activeCount == 4 && pool.idleCount(coding) == 1)
        encoders.removeAll()
        #expect(pool.activeCount == 0 && pool.idleCount(coding) == 2)
        for other in ResponseCoding.allCases where other != coding { #expect(pool.idleCount(other) == 0) }
        let again = try ContentEncoder(coding, level: 4, pool: pool)
        #expect(pool.activeCount == 1 && pool.idleCount(coding) == 1)
        pool.trim()
        #expect(pool.idleCount(coding) == 0)
        #expect(try Decoder.decode(again.encode([9], .finish), coding)?.content == [9])
        #expect(pool.idleCount(coding) == 1)
    }

    @Test("an idle context is used again before another is made", arguments: ResponseCoding.allCases)
    func reuse(coding: ResponseCoding) throws {
        let pool = EncoderPool()
        let first = try pool.take(coding, level: 4)
        pool.giveBack(first)
        #expect(try pool.take(coding, level: 4) === first)
    }

    @Test("the number of bodies at the same time is limited")
    func active() throws {
        let pool = EncoderPool(maxActive: 2)
        let first = try ContentEncoder(.gzip, level: 6, pool: pool)
        var second: ContentEncoder? = try ContentEncoder(.brotli, level: 4, pool: pool)
        #expect(second != nil)
        #expect(throws: EncoderError.tooManyBodies) { try ContentEncoder(.zstandard, level: 3, pool: pool) }
        second = nil
        _ = try ContentEncoder(.zstandard, level: 3, pool: pool).encode([1], .finish)
        _ = try first.encode([1], .finish)
        #expect(pool.activeCount == 0)
    }

    @Test("a context that a high level has made large is not kept, and none is larger than 4 MiB")
    func large() throws {
        let content = [UInt8](repeating: 1, count: 3 << 20)
        for (coding, level) in [(ResponseCoding.zstandard, 19), (.zstandard, 12), (.zstandard, 3), (.brotli, 9)] {
            let pool = EncoderPool()
            let context = try pool.take(coding, level: level)
            var input = UnsafeRawBufferPointer(start: nil, count: 0)
            try content.withUnsafeBytes { content in
                try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { output in
                    input = content
                    while !(try context.encode(&input, .flush, into: output).isDone) {}
                }
            }
            pool.giveBack(context)
            #expect(context.idleSize <= 4 << 20, "\(coding) \(level)")
            #expect(pool.idleCount(coding) == (level == 19 ? 0 : 1), "\(coding) \(level)")
        }
    }

    @Test("Brotli's blocks are used again, within limits, and a size that cannot be is refused")
    func memory() throws {
        let memory = BrotliMemory()
        let first = try #require(memory.allocate(100_000))
        memory.release(first)
        let kept = memory.idleSize
        #expect(kept >= 100_000)
        #expect(memory.allocate(70_000) == first)
        #expect(memory.idleSize == 0)
        memory.release(first)
        let small = try #require(memory.allocate(1_000))
        #expect(small != first && memory.idleSize == kept)
        memory.release(small)
        for size in [3 << 20, 3 << 20] { memory.release(try #require(memory.allocate(size))) }
        let blocks = try (0..<4).map { _ in try #require(memory.allocate(2 << 20)) }
        for block in blocks { memory.release(block) }
        #expect(memory.idleSize <= 3 << 20)
        #expect(memory.allocate(.max) == nil)
        #expect(memory.allocate(.max - 8_192) == nil)
    }
}
