/// The head of one request: the fields, and the request line with its method, target and version.
@usableFromInline
package final class RequestHead: HeadFields, @unchecked Sendable {
    /// Which of the four forms of RFC 9112 3.2 the request target has.
    @usableFromInline
    package enum TargetForm: UInt8, Sendable {
        case origin, absolute, authority, asterisk
    }

    /// The kind of bytes that a client sends behind a request's head on a stream of HTTP/2.
    package enum Sequel: Sendable {
        case nothing, body
        /// The bytes of a WebSocket, in both directions (RFC 8441, 5).
        case webSocket
    }

    // Unchecked for the same reason as `HeadFields.record`.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    @usableFromInline var line = RequestLine()
    /// The range of a Host that was checked. While a head is read, it is the range in the octets of the request before.
    private var checkedHost = ByteRange()

    package override init() {}

    /// Forgets the request and keeps storage of usual size for the next one.
    package func reuse() {
        line = RequestLine()
        if !forgetFields() { checkedHost = ByteRange() }
    }

    /// A new head, in which the lines of the field `name` (in lower case) are called `newName`. This head, which somebody
    /// may hold through `HTTPHeaders`, does not change. Both names are tokens, and neither is among the fields that
    /// `FieldFacts` notes.
    package func renamingField(_ name: StaticString, to newName: StaticString) -> RequestHead {
        let renamed = RequestHead()
        renamed.line = line
        renamed.copyFields(of: self, renaming: name, to: newName)
        return renamed
    }

    /// Renames the lines of a field in this very head: for the code that has read it, before anybody else has seen it.
    package func renameField(_ name: StaticString, to newName: StaticString) {
        let renamed = renamingField(name, to: newName)
        swap(&record, &renamed.record)
    }

    // MARK: Host

    /// Copies the octets, and checks the Host unless it is that of the request before, as with nearly all requests of a
    /// connection.
    @inline(__always)
    func complete(_ octets: UnsafeRawBufferPointer) throws(ParseError) {
        let isChecked = repeatsHost(in: octets)
        checkedHost = ByteRange()
        adopt(octets)
        if isChecked { keepHost() } else { try checkHost() }
    }

    /// Whether `source`, which is not copied yet, has the same Host as the request before.
    @inline(__always)
    private func repeatsHost(in source: UnsafeRawBufferPointer) -> Bool {
        let known = checkedHost
        let occurrence = facts.host
        guard occurrence.count == 1 else { return false }
        let host = slots[Int(occurrence.first)].value
        guard known.count == host.count, known.count > 0 else { return false }
        guard let old = record.bytes.baseAddress, let new = source.baseAddress else { return false }
        return Octets.areEqual(old + Int(known.start), new + Int(host.start), count: Int(known.count))
    }

    @inline(__always)
    private func keepHost() { checkedHost = slots[Int(facts.host.first)].value }

    /// An HTTP/1.1 request needs exactly one Host, an older one may have one, and each has to be well-formed (RFC 9112 3.2).
    @inline(__always)
    private func checkHost() throws(ParseError) {
        let host = facts.host
        guard host.count <= 1 else { throw .duplicateHost }
        guard host.isPresent else {
            if versionMinor != 0 { throw .missingHost }
            return
        }
        guard let authority = Authority(octets(slots[Int(host.first)].value)) else { throw .malformedHost }
        // An http URI without a host is refused (RFC 9110 4.2.1). The field may be empty where the target itself names
        // the host, and in HTTP/1.0, which could have left it out.
        let isNeeded = line.authority.isEmpty && versionMinor != 0
        if authority.hasHost { keepHost() } else if isNeeded || authority.port != nil { throw .emptyHost }
    }
}

/// The parts of a request line: their meaning, and the ranges of the head's octets that hold them.
@usableFromInline
struct RequestLine {
    @usableFromInline var method = RequestMethod.other
    @usableFromInline var versionMinor: UInt8 = 1
    /// Whether the request came by HTTP/2.
    @usableFromInline var isHTTP2 = false
    /// Whether a body follows by HTTP/2, where no field has to announce it. Each request of HTTP/1.1 is asked for that, and a
    /// comparison with a case of `Sequel` in place of this would cost it 32 instructions.
    @usableFromInline var hasHTTP2Body = false
    @usableFromInline var opensWebSocket = false
    @usableFromInline var targetForm = RequestHead.TargetForm.origin
    @usableFromInline var hasQuery = false
    /// False where the target has characters beyond ASCII.
    @usableFromInline var isASCII = true
    @usableFromInline var methodRange = ByteRange()
    @usableFromInline var target = ByteRange()
    @usableFromInline var path = ByteRange()
    @usableFromInline var query = ByteRange()
    @usableFromInline var authority = ByteRange()
}
