/// The searches in the parser's inner loops. They look at sixteen or eight octets at a time, and at one at a time near the
/// end, so that they never read beyond the buffer.
enum ByteScanner {
    /// The first octet at or after `start` that is not allowed in a field value: a control character other than HTAB.
    @inline(__always)
    static func endOfFieldText(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            blocks: do {
                while end &- index >= 16 {
                    let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                    let lane = firstLane((block .< all(0x20)) .| (block .== all(0x7F)))
                    index &+= lane
                    if lane < 16 { break blocks }
                }
                if end &- index >= 8 {
                    index &+= firstControl(Octets.word(base, at: index))
                }
            }
            while index < end {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                if byte < 0x20 ? byte != ASCII.horizontalTab : byte == ASCII.delete { return index }
                index &+= 1
                // A tab ended the search by blocks, which now continues behind it.
                if byte == ASCII.horizontalTab { break }
            }
            if index >= end { return end }
        }
    }

    /// Whether all octets are allowed in a field value. Most values have eight to sixteen octets, which are two words that
    /// may overlap.
    @inline(__always)
    static func isFieldText(_ octets: UnsafeRawBufferPointer) -> Bool {
        guard let base = octets.baseAddress else { return true }
        let count = octets.count
        if count >= 8, count <= 16 {
            if controls(Octets.word(base, at: 0)) | controls(Octets.word(base, at: count &- 8)) == 0 { return true }
        }
        return endOfFieldText(base, from: 0, to: count) == count
    }

    /// Whether one of the octets is at least that number.
    static func contains(_ octets: UnsafeRawBufferPointer, atLeast least: UInt8) -> Bool {
        guard let base = octets.baseAddress else { return false }
        var index = 0
        while octets.count &- index >= 16 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            if firstLane(block .>= all(least)) < 16 { return true }
            index &+= 16
        }
        return octets[index...].contains { $0 >= least }
    }

    /// The first carriage return at or after `start`, or `end` where there is none.
    @inline(__always)
    static func firstCarriageReturn(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 16 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let lane = firstLane(block .== all(ASCII.carriageReturn))
            index &+= lane
            if lane < 16 { return index }
        }
        while index < end, base.load(fromByteOffset: index, as: UInt8.self) != ASCII.carriageReturn { index &+= 1 }
        return index
    }

    /// The first octet at or after `start` that is not a token character.
    @inline(__always)
    static func endOfToken(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 16 {
            // In practice names consist of letters, digits and hyphens. The table decides about other octets.
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let letters = ((block | all(0x20)) &- all(0x61)) .< all(26)
            let digits = (block &- all(0x30)) .< all(10)
            let lane = firstLane(.!(letters .| digits .| (block .== all(0x2D))))
            index &+= lane
            if lane < 16 { break }
        }
        return endOfClass(CharacterClass.token, base, from: index, to: end)
    }

    /// The first octet at or after `start` that is not a character of a registered name (RFC 3986 3.2.2).
    @inline(__always)
    static func endOfRegisteredName(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 8 {
            // In practice hosts consist of letters, digits, hyphens and periods. They are short, so words are wide enough.
            let block = Octets.word(base, at: index)
            let letters = marks(block | eight(0x20), from: 0x61, through: 0x7A)
            let others = marks(block, from: 0x2D, through: 0x2E) | marks(block, from: 0x30, through: 0x39)
            let stop = ~(letters | others) & eight(0x80)
            index &+= stop.trailingZeroBitCount >> 3
            if stop != 0 { break }
        }
        return endOfClass(CharacterClass.registeredName, base, from: index, to: end)
    }

    /// The first octet at or after `start` that is not a visible ASCII character, or is "#" or "?". Octets beyond ASCII, which
    /// a path may have, end the search, too.
    @inline(__always)
    static func endOfPath(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 16 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let lane = firstLane(
                ((block &- all(0x21)) .>= all(0x5E)) .| (block .== all(0x23)) .| (block .== all(0x3F)))
            index &+= lane
            if lane < 16 { return index }
        }
        return endOfClass(CharacterClass.path, base, from: index, to: end)
    }

    /// The first octet at or after `start` that is not a visible ASCII character, or is "#". Octets beyond ASCII, which a
    /// query may have, end the search, too.
    @inline(__always)
    static func endOfQuery(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 16 {
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let lane = firstLane(((block &- all(0x21)) .>= all(0x5E)) .| (block .== all(0x23)))
            index &+= lane
            if lane < 16 { return index }
        }
        return endOfClass(CharacterClass.query, base, from: index, to: end)
    }

    /// The first octet at or after `start` that is not in the class. Looks at one octet at a time: for the last ones.
    @inline(__always)
    private static func endOfClass(
        _ characters: UInt8, _ base: UnsafeRawPointer, from start: Int, to end: Int
    ) -> Int {
        var index = start
        while index < end, CharacterClass.contains(base.load(fromByteOffset: index, as: UInt8.self), characters) {
            index &+= 1
        }
        return index
    }

    /// The index of the first octet that may be a control character, 8 where there is none.
    @inline(__always)
    private static func firstControl(_ block: UInt64) -> Int { controls(block).trailingZeroBitCount >> 3 }

    /// The highest bit of each octet that may be a control character. Borrows only go upwards, so the lowest mark is always
    /// right.
    @inline(__always)
    private static func controls(_ block: UInt64) -> UInt64 {
        let deletes = block ^ eight(0x7F)
        return ((block &- eight(0x20)) & ~block | (deletes &- eight(0x01)) & ~deletes) & eight(0x80)
    }

    /// A word of eight equal octets.
    @inline(__always)
    private static func eight(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// The highest bit of each octet that lies in the range, which has to end below 0x7F. No sum of two octets below 0x80
    /// carries into the next.
    @inline(__always)
    private static func marks(_ block: UInt64, from first: UInt8, through last: UInt8) -> UInt64 {
        let low = block & eight(0x7F)
        return (low &+ eight(0x80 &- first)) & ~(low &+ eight(0x7F &- last)) & ~block & eight(0x80)
    }

    /// A comparison with a vector is one instruction. The operators that take a scalar compare lane by lane.
    @inline(__always)
    private static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    /// The index of the first set lane, 16 where there is none. It looks at two words: sixteen lanes would make it 8,088
    /// instead of 2,830 instructions to read a browser's request.
    @inline(__always)
    private static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount >> 3 }
        return 8 &+ (halves[1].trailingZeroBitCount >> 3)
    }
}
