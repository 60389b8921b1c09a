/// Where a head has the fields that the server itself needs. They are recognised while the head is read, so that the server
/// does not search for them later.
@usableFromInline
struct FieldFacts {
    @usableFromInline var host = FieldOccurrence()
    @usableFromInline var contentLength = FieldOccurrence()
    @usableFromInline var transferEncoding = FieldOccurrence()
    @usableFromInline var connection = FieldOccurrence()
    @usableFromInline var expect = FieldOccurrence()
    @usableFromInline var upgrade = FieldOccurrence()

    /// Notes the field line number `index`, whose name is the token of `count` octets at `name`.
    @inline(__always)
    mutating func note(_ name: UnsafeRawPointer, _ count: Int, _ index: Int) {
        switch count {
        case 4:
            if Self.matches(name, "host") { host.note(index) }
        case 6:
            if Self.matches(name, "expect") { expect.note(index) }
        case 7:
            if Self.matches(name, "upgrade") { upgrade.note(index) }
        case 10:
            if Self.matches(name, "connection") { connection.note(index) }
        case 14:
            if Self.matches(name, "content-length") { contentLength.note(index) }
        case 17:
            if Self.matches(name, "transfer-encoding") { transferEncoding.note(index) }
        default:
            break
        }
    }

    /// Whether two tokens of the same length, of four octets or more, are the same. `lowercased` holds only letters and
    /// hyphens. Words are compared, the last of which may overlap the one before.
    @inline(__always)
    private static func matches(_ name: UnsafeRawPointer, _ lowercased: StaticString) -> Bool {
        let wanted = UnsafeRawPointer(lowercased.utf8Start)
        let count = lowercased.utf8CodeUnitCount
        guard count >= 8 else {
            return areAlike(name, wanted, at: 0, UInt32.self) && areAlike(name, wanted, at: count &- 4, UInt32.self)
        }
        var index = 0
        while index < count &- 8 {
            guard areAlike(name, wanted, at: index, UInt64.self) else { return false }
            index &+= 8
        }
        return areAlike(name, wanted, at: count &- 8, UInt64.self)
    }

    /// Whether two words are the same without regard to case: setting the bit 0x20 turns a capital letter into a small one,
    /// and no other octet of a token into a hyphen.
    @inline(__always)
    private static func areAlike<Word: FixedWidthInteger & BitwiseCopyable>(
        _ name: UnsafeRawPointer, _ wanted: UnsafeRawPointer, at offset: Int, _ type: Word.Type
    ) -> Bool {
        let spaces = Word(truncatingIfNeeded: 0x2020_2020_2020_2020 as UInt64)
        return name.loadUnaligned(fromByteOffset: offset, as: Word.self) | spaces
            == wanted.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }
}
