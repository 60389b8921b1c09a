import TwisterCodec

/// Raw reads of a path, eight bytes at a time where there are eight.
enum PathBytes {
    private static let slashes: UInt64 = 0x2F2F_2F2F_2F2F_2F2F
    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// A word of a path: everything up to the next slash, or up to the end.
    struct Word {
        var end: Int
        var hash: UInt64
    }

    /// The word that begins at `start`, or nil if it is longer than `longest`.
    @inline(__always)
    static func word(_ path: UnsafePointer<UInt8>, from start: Int, end: Int, longest: Int) -> Word? {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        var place = start
        while place - start <= longest {
            let chunk = chunk(path, at: place, end: end)
            let difference = chunk ^ slashes
            // The lowest high bit set belongs to the first slash; borrows can only set higher ones.
            let marks = (difference &- lowBits) & ~difference & highBits
            if marks != 0 {
                let kept = marks.trailingZeroBitCount / 8
                // A word that ends with a chunk has the same hash at the end of a path, where no further chunk is read.
                if kept > 0 { mix(&hash, chunk & ~(UInt64.max << UInt64(8 * kept))) }
                return Word(end: place + kept, hash: hash)
            }
            mix(&hash, chunk)
            place += 8
            if place >= end { return Word(end: end, hash: hash) }
        }
        return nil
    }

    @inline(__always)
    private static func mix(_ hash: inout UInt64, _ chunk: UInt64) {
        hash = (hash ^ chunk) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
    }

    /// The next eight bytes, the first one lowest; zeros behind the end.
    @inline(__always)
    private static func chunk(_ path: UnsafePointer<UInt8>, at place: Int, end: Int) -> UInt64 {
        let left = end - place
        if left >= 8 { return Octets.word(path, at: place) }
        guard left > 0 else { return 0 }
        // The path's last eight bytes hold them too, and reading those stays inside of it.
        if end >= 8 { return Octets.word(path, at: end - 8) >> UInt64(8 * (8 - left)) }
        var chunk: UInt64 = 0
        for index in 0..<left { chunk |= UInt64(path[place + index]) << UInt64(8 * index) }
        return chunk
    }
}
