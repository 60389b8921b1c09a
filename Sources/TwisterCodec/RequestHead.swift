/// The head of one request: its method, target, version and fields, as ranges of the octets that came.
///
/// A connection keeps one and uses it for request after request, so that a request costs no allocation. Whoever holds a
/// reference keeps the octets: the connection above takes a new head when the old one is still held.
///
/// It is written by a parser that holds the only reference and only read after that, hence the unchecked `Sendable`.
public final class RequestHead: @unchecked Sendable {
    /// Which of the four forms of RFC 9112 3.2 the request target has.
    @usableFromInline
    package enum TargetForm: UInt8, Sendable {
        case origin, absolute, authority, asterisk
    }

    /// All that there is to a head, in one piece of plain memory: a variable of a class would be guarded by an
    /// exclusivity check on each access.
    @usableFromInline
    struct Record {
        @usableFromInline var bytes: UnsafeMutableRawBufferPointer
        @usableFromInline var slots: UnsafeMutableBufferPointer<FieldSlot>
        @usableFromInline var method = RequestMethod.other
        @usableFromInline var versionMinor: UInt8 = 1
        @usableFromInline var targetForm = TargetForm.origin
        @usableFromInline var hasQuery = false
        @usableFromInline var fieldCount: Int32 = 0
        @usableFromInline var methodRange = ByteRange()
        @usableFromInline var target = ByteRange()
        @usableFromInline var path = ByteRange()
        @usableFromInline var query = ByteRange()
        @usableFromInline var authority = ByteRange()
        @usableFromInline var host = FieldOccurrence()
        @usableFromInline var contentLength = FieldOccurrence()
        @usableFromInline var transferEncoding = FieldOccurrence()
        @usableFromInline var connection = FieldOccurrence()
        @usableFromInline var expect = FieldOccurrence()
        @usableFromInline var upgrade = FieldOccurrence()
        /// A Host that was found good; of the request before, as long as a new one is read.
        var knownHost = ByteRange()

        init(bytes: UnsafeMutableRawBufferPointer, slots: UnsafeMutableBufferPointer<FieldSlot>) {
            self.bytes = bytes
            self.slots = slots
        }
    }

    @usableFromInline let record: UnsafeMutablePointer<Record>

    @inlinable var slots: UnsafeMutableBufferPointer<FieldSlot> { record.pointee.slots }

    private static var usualBytes: Int { 1024 }
    private static var usualFields: Int { 16 }
    /// Storage that one unusual request made grow beyond this is given back when the head is used again.
    private static var keptBytes: Int { 8 * 1024 }

    package init() {
        record = .allocate(capacity: 1)
        record.initialize(
            to: Record(
                bytes: .allocate(byteCount: Self.usualBytes, alignment: 16),
                slots: .allocate(capacity: Self.usualFields)))
    }

    deinit {
        record.pointee.bytes.deallocate()
        record.pointee.slots.deallocate()
        record.deallocate()
    }

    /// Forgets the request and keeps the storage for the next one.
    package func reuse() {
        var bytes = record.pointee.bytes
        var knownHost = record.pointee.knownHost
        if bytes.count > Self.keptBytes {
            bytes.deallocate()
            bytes = .allocate(byteCount: Self.usualBytes, alignment: 16)
            knownHost = ByteRange()
        }
        record.pointee = Record(bytes: bytes, slots: record.pointee.slots)
        record.pointee.knownHost = knownHost
    }

    /// Whether the head that is about to be adopted has the same Host as the one before, which needs no second check. The
    /// requests of a connection nearly all have.
    @inline(__always)
    func repeatsHost(in source: UnsafeRawBufferPointer) -> Bool {
        let known = record.pointee.knownHost
        record.pointee.knownHost = ByteRange()
        guard record.pointee.host.count == 1 else { return false }
        let host = slots[Int(record.pointee.host.first)].value
        guard known.count == host.count, known.count > 0 else { return false }
        guard let old = record.pointee.bytes.baseAddress, let new = source.baseAddress else { return false }
        return Octets.areEqual(old + Int(known.start), new + Int(host.start), count: Int(known.count))
    }

    /// The Host is good.
    @inline(__always)
    func keepHost() { record.pointee.knownHost = slots[Int(record.pointee.host.first)].value }

    /// Copies the octets that the ranges speak of; called once, when the head is complete.
    @inline(__always)
    func adopt(_ source: UnsafeRawBufferPointer) {
        if source.count > record.pointee.bytes.count { growBytes(to: source.count) }
        guard let from = source.baseAddress, let to = record.pointee.bytes.baseAddress else { return }
        to.copyMemory(from: from, byteCount: source.count)
    }

    @inline(never)
    private func growBytes(to count: Int) {
        record.pointee.bytes.deallocate()
        record.pointee.bytes = .allocate(byteCount: count, alignment: 16)
    }

    /// Room for twice as many fields; those that are there move along.
    @inline(never)
    func growSlots() {
        let slots = record.pointee.slots
        let larger = UnsafeMutableBufferPointer<FieldSlot>.allocate(capacity: slots.count * 2)
        _ = larger.update(fromContentsOf: slots)
        slots.deallocate()
        record.pointee.slots = larger
    }

    /// The octets of a range, for as long as this head is held and not used again.
    @inlinable
    func octets(_ range: ByteRange) -> UnsafeRawBufferPointer {
        let start = Int(range.start)
        return UnsafeRawBufferPointer(rebasing: record.pointee.bytes[start..<(start + Int(range.count))])
    }

    func string(_ range: ByteRange) -> String {
        String(decoding: octets(range), as: UTF8.self)
    }
}
