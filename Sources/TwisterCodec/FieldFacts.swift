/// Recognises, while a head is read, the fields that the server itself needs, so that nobody has to look for them
/// later.
enum FieldFacts {
    @inline(__always)
    static func note(
        _ name: UnsafeRawPointer, _ count: Int, _ index: Int, _ record: UnsafeMutablePointer<RequestHead.Record>
    ) {
        switch count {
        case 4:
            if matches(name, "host") { record.pointee.host.note(index) }
        case 6:
            if matches(name, "expect") { record.pointee.expect.note(index) }
        case 7:
            if matches(name, "upgrade") { record.pointee.upgrade.note(index) }
        case 10:
            if matches(name, "connection") { record.pointee.connection.note(index) }
        case 14:
            if matches(name, "content-length") { record.pointee.contentLength.note(index) }
        case 17:
            if matches(name, "transfer-encoding") { record.pointee.transferEncoding.note(index) }
        default:
            break
        }
    }

    /// Both are tokens of the same length, of four octets or more; `lowercased` holds only letters and hyphens. Compared in
    /// words, the last of which may overlap the one before.
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

    /// Without regard to case: 0x20 more makes a small letter of a capital one, and a hyphen of no token's octet.
    @inline(__always)
    private static func areAlike<Word: FixedWidthInteger & BitwiseCopyable>(
        _ name: UnsafeRawPointer, _ wanted: UnsafeRawPointer, at offset: Int, _ type: Word.Type
    ) -> Bool {
        let spaces = Word(truncatingIfNeeded: 0x2020_2020_2020_2020 as UInt64)
        return name.loadUnaligned(fromByteOffset: offset, as: Word.self) | spaces
            == wanted.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }
}
