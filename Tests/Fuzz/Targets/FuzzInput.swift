/// The parts of an input: where a message is cut, and the message.
///
/// The low three bits of the first octet are the number of cuts, and bit 3 chooses between two sets of limits. Each cut is
/// one octet, the length of the piece before it. Seeds stay readable: "0GET /" is not cut, "2$:GET /" has two cuts.
struct FuzzInput {
    let variant: Bool
    /// Where the message is cut, in rising order. No cut is behind its end.
    let cuts: [Int]
    let message: UnsafeRawBufferPointer

    init?(_ octets: UnsafeRawBufferPointer) {
        guard let first = octets.first else { return nil }
        let count = Int(first & 7)
        guard octets.count > count else { return nil }
        variant = first & 8 != 0
        message = UnsafeRawBufferPointer(rebasing: octets[(1 + count)...])
        var cuts: [Int] = []
        var position = 0
        for length in octets[1..<(1 + count)] {
            position += Int(length)
            if position <= message.count { cuts.append(position) }
        }
        self.cuts = cuts
    }

    /// The pieces between the cuts. Some may be empty.
    var pieces: [UnsafeRawBufferPointer] {
        zip([0] + cuts, cuts + [message.count]).map { UnsafeRawBufferPointer(rebasing: message[$0..<$1]) }
    }
}

/// Copies octets into memory of exactly their size, so that a sanitizer finds each access behind their end.
func withExactCopy<Result>(
    _ octets: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Result
) rethrows -> Result {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: octets.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyMemory(from: octets)
    return try body(UnsafeRawBufferPointer(copy))
}
