/// The field lines of one message's head: the octets that arrived, where each name and each value lies among them, and
/// which of the fields that decide how a message is handled are present (`FieldFacts`).
///
/// The heads of requests and of responses have it in common. `RequestHead` adds the request line.
///
/// A parser that holds the only reference writes it. After that it is only read, hence the unchecked `Sendable`. A
/// connection uses one head for request after request, so that a request costs no allocation. If somebody else still holds
/// the head, the connection takes a new one instead.
@usableFromInline
package class HeadFields: @unchecked Sendable {
    /// The part that is replaced as a whole when the next message begins.
    @usableFromInline
    struct State {
        @usableFromInline var fieldCount: Int32 = 0
        /// How many of the octets in `bytes` belong to the message.
        var octetCount: Int32 = 0
        @usableFromInline var facts = FieldFacts()
    }

    @usableFromInline
    struct Record {
        @usableFromInline var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        @usableFromInline var slots = UnsafeMutableBufferPointer<FieldSlot>(start: nil, count: 0)
        @usableFromInline var state = State()
    }

    // Without the checks, it takes 3,186 instead of 4,325 instructions to read a browser's request with twelve fields.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    @usableFromInline final var record = Record()

    /// Storage up to these sizes is kept for the next message. Larger storage is given back as soon as its message is over.
    private static var keptBytes: Int { 1024 }
    private static var keptSlots: Int { 32 }

    /// Allocates no memory for octets and fields before the first message needs it.
    init() {}

    deinit {
        record.bytes.deallocate()
        record.slots.deallocate()
    }

    @inlinable
    final var slots: UnsafeMutableBufferPointer<FieldSlot> { record.slots }

    @inlinable
    final var facts: FieldFacts { record.state.facts }

    /// Forgets the message and keeps storage of usual size for the next one. Returns false where the octets were given
    /// back.
    @inline(__always)
    final func forgetFields() -> Bool {
        record.state = State()
        if record.slots.count > Self.keptSlots { giveBackSlots() }
        guard record.bytes.count > Self.keptBytes else { return true }
        giveBackBytes()
        return false
    }

    @inline(never)
    private final func giveBackSlots() {
        record.slots.deallocate()
        record.slots = UnsafeMutableBufferPointer(start: nil, count: 0)
    }

    @inline(never)
    private final func giveBackBytes() {
        record.bytes.deallocate()
        record.bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Gives back the memory that the message does not fill: for a head that is kept for long. Only for the one who holds it
    /// alone.
    package final func shrink() {
        let octetCount = Int(record.state.octetCount)
        if record.bytes.count > octetCount {
            let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: octetCount, alignment: 1)
            exact.copyMemory(from: UnsafeRawBufferPointer(rebasing: record.bytes[..<octetCount]))
            record.bytes.deallocate()
            record.bytes = exact
        }
        let fieldCount = Int(record.state.fieldCount)
        if record.slots.count > fieldCount {
            let exact = UnsafeMutableBufferPointer<FieldSlot>.allocate(capacity: fieldCount)
            _ = exact.update(fromContentsOf: record.slots[..<fieldCount])
            record.slots.deallocate()
            record.slots = exact
        }
    }

    // MARK: Writing

    /// Copies the octets that the ranges refer to; called once, when the head is complete.
    @inline(__always)
    final func adopt(_ source: UnsafeRawBufferPointer) {
        if source.count > record.bytes.count { replaceBytes(room: source.count) }
        guard let from = source.baseAddress, let to = record.bytes.baseAddress else { return }
        to.copyMemory(from: from, byteCount: source.count)
        record.state.octetCount = Int32(truncatingIfNeeded: source.count)
    }

    @inline(never)
    private final func replaceBytes(room: Int) {
        record.bytes.deallocate()
        record.bytes = .allocate(byteCount: max(room, Self.keptBytes), alignment: 16)
    }

    /// Adds a field line, whose octets are adopted later. `name` holds the octets of its name, which is a token.
    @inline(__always)
    final func append(_ slot: FieldSlot, name: UnsafeRawPointer) {
        let index = Int(record.state.fieldCount)
        if index == record.slots.count { growSlots() }
        record.slots[index] = slot
        record.state.fieldCount &+= 1
        record.state.facts.note(name, Int(slot.name.count), index)
    }

    /// Makes room for twice as many fields. The fields that are there are copied.
    @inline(never)
    private final func growSlots() {
        let slots = record.slots
        let larger = UnsafeMutableBufferPointer<FieldSlot>.allocate(capacity: max(16, slots.count * 2))
        _ = larger.update(fromContentsOf: slots)
        slots.deallocate()
        record.slots = larger
    }

    /// Becomes a copy of another head's fields, except that the lines of the field `name` (in lower case) are called
    /// `newName`. Both names are tokens, and neither is among the fields that `FieldFacts` notes.
    final func copyFields(of other: HeadFields, renaming name: StaticString, to newName: StaticString) {
        let octets = other.octets(ByteRange(0, Int(other.record.state.octetCount)))
        let added = newName.utf8CodeUnitCount
        replaceBytes(room: octets.count + added)
        adopt(octets)
        let newRange = ByteRange(octets.count, octets.count + added)
        UnsafeMutableRawBufferPointer(rebasing: record.bytes[octets.count...])
            .copyMemory(from: UnsafeRawBufferPointer(start: newName.utf8Start, count: added))
        while record.slots.count < other.fieldCount { growSlots() }
        for index in 0..<other.fieldCount {
            slots[index] = other.slots[index]
            if TokenList.equals(other.octets(slots[index].name), name) { slots[index].name = newRange }
        }
        record.state = other.record.state
        record.state.octetCount += Int32(added)
    }

    // MARK: Reading

    /// How many octets the head has as it was sent.
    package final var octetCount: Int { Int(record.state.octetCount) }

    /// The octets of a range. They are valid as long as this head is held and not used for another message.
    @inlinable
    final func octets(_ range: ByteRange) -> UnsafeRawBufferPointer {
        let start = Int(range.start)
        return UnsafeRawBufferPointer(rebasing: record.bytes[start..<(start + Int(range.count))])
    }

    final func string(_ range: ByteRange) -> String {
        ClientText.repaired(octets(range))
    }

    @inlinable
    final func withOctets<Result>(
        _ range: ByteRange, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withExtendedLifetime(self) { try body(octets(range)) }
    }
}
