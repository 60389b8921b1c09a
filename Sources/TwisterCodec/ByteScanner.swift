/// The searches of the parser's inner loops: sixteen or eight octets at a time, and one at a time near the end, so that
/// nothing behind the buffer is ever read.
enum ByteScanner {
    /// The first octet at or after `start` that may not stand in a field value: a control character, HTAB excepted.
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
                // A tab ended the wide loop: go back to it.
                if byte == ASCII.horizontalTab { break }
            }
            if index >= end { return end }
        }
    }

    /// Whether all of it may stand in a field value. Text of eight to sixteen octets, which most values are, is two words
    /// that may overlap.
    @inline(__always)
    static func isFieldText(_ octets: UnsafeRawBufferPointer) -> Bool {
        guard let base = octets.baseAddress else { return true }
        let count = octets.count
        if count >= 8, count <= 16 {
            if controls(Octets.word(base, at: 0)) | controls(Octets.word(base, at: count &- 8)) == 0 { return true }
        }
        return endOfFieldText(base, from: 0, to: count) == count
    }

    /// The first carriage return at or after `start`; `end` where there is none.
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
            // Letters, digits and hyphens are all that names hold in practice; the table judges what else comes.
            let block = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let letters = ((block | all(0x20)) &- all(0x61)) .< all(26)
            let digits = (block &- all(0x30)) .< all(10)
            let lane = firstLane(.!(letters .| digits .| (block .== all(0x2D))))
            index &+= lane
            if lane < 16 { break }
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            guard CharacterClass.contains(byte, CharacterClass.token) else { return index }
            index &+= 1
        }
        return index
    }

    /// The first octet at or after `start` that is not a character of a registered name (RFC 3986 3.2.2).
    @inline(__always)
    static func endOfRegisteredName(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while end &- index >= 8 {
            // Letters, digits, hyphens and periods, as above; names are short.
            let block = Octets.word(base, at: index)
            let letters = marks(block | eight(0x20), from: 0x61, through: 0x7A)
            let others = marks(block, from: 0x2D, through: 0x2E) | marks(block, from: 0x30, through: 0x39)
            let stop = ~(letters | others) & eight(0x80)
            index &+= stop.trailingZeroBitCount >> 3
            if stop != 0 { break }
        }
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            guard CharacterClass.contains(byte, CharacterClass.registeredName) else { return index }
            index &+= 1
        }
        return index
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
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            guard CharacterClass.contains(byte, CharacterClass.path) else { return index }
            index &+= 1
        }
        return index
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
        while index < end {
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            guard CharacterClass.contains(byte, CharacterClass.query) else { return index }
            index &+= 1
        }
        return index
    }

    /// The number of the first octet that may be a control character, 8 when none is.
    @inline(__always)
    private static func firstControl(_ block: UInt64) -> Int { controls(block).trailingZeroBitCount >> 3 }

    /// Marks octets that may be control characters. Borrows go upwards only, so the lowest mark is a true one.
    @inline(__always)
    private static func controls(_ block: UInt64) -> UInt64 {
        let deletes = block ^ eight(0x7F)
        return ((block &- eight(0x20)) & ~block | (deletes &- eight(0x01)) & ~deletes) & eight(0x80)
    }

    /// Eight times the same octet.
    @inline(__always)
    private static func eight(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// The highest bit of each octet that lies in the range, which has to end below 0x7F. No sum of two octets below 0x80
    /// carries into the next.
    @inline(__always)
    private static func marks(_ block: UInt64, from first: UInt8, through last: UInt8) -> UInt64 {
        let low = block & eight(0x7F)
        return (low &+ eight(0x80 &- first)) & ~(low &+ eight(0x7F &- last)) & ~block & eight(0x80)
    }

    /// Comparing with a vector is one instruction; the operators that take a scalar go lane by lane.
    @inline(__always)
    private static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    /// The number of the first set lane, 16 when none is. The two words are looked at instead of the sixteen lanes, which would
    /// take 8,088 instead of 2,830 instructions for a browser's request.
    @inline(__always)
    private static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int {
        let halves = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount >> 3 }
        return 8 &+ (halves[1].trailingZeroBitCount >> 3)
    }
}
