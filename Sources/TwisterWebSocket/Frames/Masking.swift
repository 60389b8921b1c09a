/// Masking and unmasking payloads (RFC 6455, 5.3), which is the same: each octet is combined with one of the key's four.
///
/// Tornado: `util._websocket_mask`, `speedups.c`.
enum Masking {
    /// Copies `source` to `destination` and (un)masks it on the way, eight bytes at a time. The two may be the same memory.
    ///
    /// - Parameters:
    ///   - key: the key as it lies in memory.
    ///   - offset: the place in the payload of the first byte.
    static func apply(
        _ key: UInt32, at offset: Int, from source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawPointer
    ) {
        guard let base = source.baseAddress else { return }
        let key = rotated(key, by: offset)
        let wide = UInt64(key) | UInt64(key) << 32
        let count = source.count
        var index = 0
        // Four words a step: the compiler makes vector instructions of it.
        while index &+ 32 <= count {
            for word in 0..<4 {
                let place = index &+ word &* 8
                let value = base.loadUnaligned(fromByteOffset: place, as: UInt64.self) ^ wide
                destination.storeBytes(of: value, toByteOffset: place, as: UInt64.self)
            }
            index &+= 32
        }
        while index &+ 8 <= count {
            let value = base.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
            destination.storeBytes(of: value, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            // The bytes before these were whole words, so that the index in the rest gives the octet of the key.
            let octet = UInt8(truncatingIfNeeded: key >> UInt32((index & 3) &* 8))
            let value = base.load(fromByteOffset: index, as: UInt8.self) ^ octet
            destination.storeBytes(of: value, toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }

    /// The key, rotated for a payload of which the first `offset` bytes are done.
    private static func rotated(_ key: UInt32, by offset: Int) -> UInt32 {
        // Little-endian: the first octet in memory is the lowest.
        let bits = UInt32((offset & 3) &* 8)
        return bits == 0 ? key : key >> bits | key << (32 &- bits)
    }
}
