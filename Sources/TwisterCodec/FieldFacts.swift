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

    /// Both are of the same length; `lowercased` holds only letters and hyphens.
    @inline(__always)
    private static func matches(_ name: UnsafeRawPointer, _ lowercased: StaticString) -> Bool {
        for index in 0..<lowercased.utf8CodeUnitCount {
            let byte = CharacterClass.lowercased(name.load(fromByteOffset: index, as: UInt8.self))
            if byte != lowercased.utf8Start[index] { return false }
        }
        return true
    }
}
