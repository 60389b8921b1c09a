extension RequestHead {
    /// Gives another name to all lines of a field that somebody has dealt with, so that nobody does so again. Both names
    /// are well-formed, `name` is in lower case, and the field is none of those that the parser notes.
    package func renameField(_ name: StaticString, to newName: StaticString) {
        let old = record.pointee.bytes
        let count = newName.utf8CodeUnitCount
        let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: old.count + count, alignment: 16)
        grown.copyMemory(from: UnsafeRawBufferPointer(old))
        UnsafeMutableRawBufferPointer(rebasing: grown[old.count...])
            .copyMemory(from: UnsafeRawBufferPointer(start: newName.utf8Start, count: count))
        let range = ByteRange(old.count, old.count + count)
        record.pointee.bytes = grown
        old.deallocate()
        for index in 0..<fieldCount where TokenList.equals(octets(slots[index].name), name) {
            slots[index].name = range
        }
    }
}
