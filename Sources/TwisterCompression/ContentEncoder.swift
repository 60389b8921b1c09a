/// Encodes one response body, piece by piece, in memory that does not grow with the body.
///
/// Its compression context goes back to the pool as soon as the body ends, or when the encoder is released before that.
package final class ContentEncoder {
    private enum State {
        case open(any CompressionContext)
        /// `encode` is running. A call from within its output is refused.
        case encoding
        case ended
    }

    /// The output comes in pieces of at most this size.
    private static let pieceSize = 16_384

    package let coding: ResponseCoding
    private let pool: EncoderPool
    private var state: State
    /// Whether there is content that no flush has sent.
    private var hasUnflushedContent = false

    /// Begins a body.
    ///
    /// - Parameters:
    ///   - coding: the coding of the body.
    ///   - level: 1 to 9 for gzip, 0 to 11 for Brotli (its quality), 1 to 19 for Zstandard. Values beyond become the nearest
    ///     one.
    ///   - pool: the contexts of the loop that the encoder is used on.
    package init(_ coding: ResponseCoding, level: Int, pool: EncoderPool) throws(EncoderError) {
        self.coding = coding
        self.pool = pool
        state = .open(try pool.take(coding, level: level))
    }

    deinit {
        if case .open(let context) = state { pool.giveBack(context) }
    }

    /// Encodes the next bytes and passes the result to `output`, at most 16 KiB at a time. There may be none.
    ///
    /// A flush without content since the last one adds nothing. Throws an `EncoderError`, or the error of `output`. In both
    /// cases the body is lost and the encoder has ended.
    package func encode(
        _ bytes: UnsafeRawBufferPointer, _ operation: EncoderOperation,
        into output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard case .open(let context) = state else { throw EncoderError.notOpen }
        if !bytes.isEmpty { hasUnflushedContent = true }
        if operation == .finish || hasUnflushedContent {
            state = .encoding
            try run(context, bytes, operation, output)
            if operation == .flush { hasUnflushedContent = false }
        }
        switch operation {
        case .none, .flush: state = .open(context)
        case .finish: end(context)
        }
    }

    private func run(
        _ context: any CompressionContext, _ bytes: UnsafeRawBufferPointer, _ operation: EncoderOperation,
        _ output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // Between two calls the encoder holds no buffer.
        try withUnsafeTemporaryAllocation(byteCount: Self.pieceSize, alignment: 16) { piece in
            var input = bytes
            var isDone = false
            while !isDone {
                let step: EncoderStep
                do {
                    step = try Self.step(context, &input, operation, piece)
                } catch {
                    state = .ended
                    pool.discard()
                    throw error
                }
                isDone = step.isDone
                guard step.count > 0 else { continue }
                do {
                    try output(UnsafeRawBufferPointer(rebasing: piece[..<step.count]))
                } catch {
                    end(context)
                    throw error
                }
            }
        }
    }

    /// One step, which must move on: a library that neither takes nor writes anything would be called for ever.
    private static func step(
        _ context: any CompressionContext, _ input: inout UnsafeRawBufferPointer, _ operation: EncoderOperation,
        _ piece: UnsafeMutableRawBufferPointer
    ) throws(EncoderError) -> EncoderStep {
        let left = input.count
        let step = try context.encode(&input, operation, into: piece)
        guard step.isDone || step.count > 0 || input.count < left else { throw .failed }
        return step
    }

    private func end(_ context: any CompressionContext) {
        state = .ended
        pool.giveBack(context)
    }
}
