/// The compression contexts of one event loop. It is not for use by several threads.
///
/// A context is taken for one body and comes back when the body ends, so that a connection holds no memory of a compression
/// library between responses. A few idle contexts of each coding are kept: a page of 10 KiB takes 1.4 times as long with a
/// new Zstandard context, and ten times as long where the allocator maps its blocks anew.
package final class EncoderPool {
    /// A context that has grown beyond this size, because of a high level, is not kept.
    private static let maxIdleSize = 3 << 20

    /// The most idle contexts of each coding.
    private let maxIdle: Int
    /// The most bodies that are encoded at the same time.
    private let maxActive: Int
    private var idle: [ResponseCoding: [any CompressionContext]] = [:]
    /// How many contexts are in use.
    package private(set) var activeCount = 0

    /// - Parameters:
    ///   - maxIdle: the most idle contexts that are kept of each coding. Short responses that are complete when they begin are
    ///     encoded in one call, and need one for all of them.
    ///   - maxActive: the most bodies that are encoded at the same time. Each takes about 2 MiB, 6 MiB
    ///     at Brotli's quality 11. Streams that stay open can reach this number; `ContentEncoder` throws `tooManyBodies` for
    ///     further ones.
    package init(maxIdle: Int = 2, maxActive: Int = 64) {
        self.maxIdle = maxIdle
        self.maxActive = maxActive
    }

    /// How many idle contexts of a coding there are.
    package func idleCount(_ coding: ResponseCoding) -> Int { idle[coding]?.count ?? 0 }

    /// Gives back the memory of all idle contexts.
    package func trim() { idle.removeAll() }

    /// A context that has begun a body.
    func take(_ coding: ResponseCoding, level: Int) throws(EncoderError) -> any CompressionContext {
        guard activeCount < maxActive else { throw .tooManyBodies }
        let context = if let kept = idle[coding]?.popLast() { kept } else { try Self.make(coding, level: level) }
        try context.begin(level: level)
        activeCount += 1
        return context
    }

    /// Takes back a context whose body has ended, complete or not.
    func giveBack(_ context: any CompressionContext) {
        activeCount -= 1
        context.end()
        guard idleCount(context.coding) < maxIdle, context.idleSize <= Self.maxIdleSize else { return }
        idle[context.coding, default: []].append(context)
    }

    /// Notes that a context whose library failed has been thrown away.
    func discard() { activeCount -= 1 }

    private static func make(_ coding: ResponseCoding, level: Int) throws(EncoderError) -> any CompressionContext {
        switch coding {
        case .gzip: try DeflateContext(level: level)
        case .brotli: BrotliContext()
        case .zstandard: try ZstandardContext()
        }
    }
}
