/// How messages are compressed, where the client offers permessage-deflate (RFC 7692).
///
/// Tornado: the dictionary that `get_compression_options` returns.
public struct WebSocketCompression: Sendable, Hashable {
    /// From 1 (fast) to 9 (small). Default 6, as in Tornado. Tornado: `compression_level`.
    public var level: Int
    /// How much memory the compressor uses for its tables, from 1 to 9. Default 8. Tornado: `mem_level`.
    public var memoryLevel: Int
    /// The size of the windows, as the power of two: 8 to 15. Default 15.
    public var maxWindowBits: Int
    /// Whether a message may refer to those before it. Messages become smaller, and a connection that has got compressed messages
    /// holds 8 KiB and a window (`maxWindowBits`) while it is idle; besides, the 64 connections of a loop that were the last to send
    /// something hold 256 KiB each. Default false: an idle connection then holds nothing.
    public var contextTakeover: Bool
    /// Shorter messages, in bytes, are sent as they are. Default 0.
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
