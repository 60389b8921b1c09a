/// The state of a compression library for one body at a time.
///
/// A context is expensive to make and cheap to begin anew, so that an `EncoderPool` keeps a few of them.
protocol CompressionContext: AnyObject {
    var coding: ResponseCoding { get }

    /// How many bytes the context holds while it is idle, approximately.
    var idleSize: Int { get }

    /// Begins a body. What is left of the last body, complete or not, is forgotten. A level beyond the library's range
    /// becomes the nearest one within it.
    func begin(level: Int) throws(EncoderError)

    /// Encodes from the start of `input`, which it advances past the bytes that it took, and writes to the start of `output`.
    /// The caller repeats the call, with the rest of the input and the same operation, until the step says that it is done.
    func encode(
        _ input: inout UnsafeRawBufferPointer, _ operation: EncoderOperation, into output: UnsafeMutableRawBufferPointer
    ) throws(EncoderError) -> EncoderStep

    /// Gives back the memory that the context needs for a body alone.
    func end()
}

/// The operation of an encoder after it has taken the input.
package enum EncoderOperation: Sendable {
    /// The encoder may keep content back, which compresses best.
    case none
    /// All content so far goes out. A decoder that has received it can decode all of it.
    case flush
    /// The body ends.
    case finish
}

/// The result of one step of a context.
struct EncoderStep {
    /// The bytes written to the output.
    let count: Int
    /// Whether the input is taken and the operation complete.
    let isDone: Bool
}

/// Why content cannot be encoded.
package enum EncoderError: Error, Equatable, Sendable {
    /// There is no memory for a context.
    case outOfMemory
    /// As many bodies as the pool allows are being encoded. The response can be sent without a coding.
    case tooManyBodies
    /// The library refused to go on. The body is lost.
    case failed
    /// The body has ended, has failed, or its encoder is called from within its own output.
    case notOpen
}
