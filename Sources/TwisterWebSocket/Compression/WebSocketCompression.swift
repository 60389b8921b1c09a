/// How messages are compressed, where the client offers permessage-deflate (RFC 7692).
///
/// Tornado: the dictionary that `get_compression_options` returns.
public struct WebSocketCompression: Sendable, Hashable {
    /// The compression level, from 1 (fast) to 9 (small). Default 6, as in Tornado. Tornado: `compression_level`.
    public var level: Int
    /// How much memory the compressor uses for its tables, from 1 to 9. Default 8. Tornado: `mem_level`.
    public var memoryLevel: Int
    /// The size of the windows in bytes, as a power of two: 8 to 15. Default 15 (32 KiB).
    public var maxWindowBits: Int
    /// Whether a message may refer to those before it. Messages then become smaller, but connections hold more memory: each one
    /// that has got compressed messages holds 8 KiB and a window (`maxWindowBits`) while it is idle, and the 64 connections of
    /// a loop that were the last to send something hold 256 KiB each. Default false: an idle connection holds none of this.
    public var contextTakeover: Bool
    /// Messages that are shorter than this, in bytes, are sent uncompressed. Default 0: all are compressed.
    public var minimumSize: Int

    /// - Parameters:
    ///   - level: from 1 to 9.
    ///   - memoryLevel: from 1 to 9.
    ///   - maxWindowBits: from 8 to 15.
    ///   - contextTakeover: whether a message may refer to those before it.
    ///   - minimumSize: in bytes.
    public init(
        level: Int = 6, memoryLevel: Int = 8, maxWindowBits: Int = 15, contextTakeover: Bool = false,
        minimumSize: Int = 0
    ) {
        self.level = min(max(level, 1), 9)
        self.memoryLevel = min(max(memoryLevel, 1), 9)
        self.maxWindowBits = min(max(maxWindowBits, 8), 15)
        self.contextTakeover = contextTakeover
        self.minimumSize = max(minimumSize, 0)
    }
}
