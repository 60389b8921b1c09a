/// The compressors and decompressors of a loop that no message uses at the moment. One serves message after message, of any
/// connection, so that an idle connection holds none.
package final class MessageCoderPool {
    private var deflaters: [MessageDeflater] = []
    private var inflaters: [MessageInflater] = []
    private let room = MessageInflater.Room()

    /// So many of each are kept.
    private static let most = 4

    package init() {}

    /// A compressor that has seen nothing.
    package func deflater(windowBits: Int, level: Int, memoryLevel: Int) throws(EncoderError) -> MessageDeflater {
        let place = deflaters.firstIndex {
            $0.windowBits == windowBits && $0.level == level && $0.memoryLevel == memoryLevel
        }
        if let place { return deflaters.remove(at: place) }
        return try MessageDeflater(windowBits: windowBits, level: level, memoryLevel: memoryLevel)
    }

    /// A decompressor that has seen nothing.
    package func inflater(windowBits: Int) throws(InflateError) -> MessageInflater {
        let place = inflaters.lastIndex { $0.windowBits == windowBits }
        if let place { return inflaters.remove(at: place) }
        return try MessageInflater(windowBits: windowBits, room: room)
    }

    /// Takes back a compressor that is not used any more.
    package func put(_ deflater: MessageDeflater) {
        deflater.reset()
        if deflaters.count >= Self.most { deflaters.removeFirst() }
        deflaters.append(deflater)
    }

    /// Takes back a decompressor that is not used any more.
    package func put(_ inflater: MessageInflater) {
        inflater.reset()
        if inflaters.count >= Self.most { inflaters.removeFirst() }
        inflaters.append(inflater)
    }
}
