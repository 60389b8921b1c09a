/// The rules for the Host field (RFC 9112 3.2).
enum HostRules {
    /// An HTTP/1.1 request needs exactly one; an older one may have one; whichever comes has to be well-formed.
    @inline(__always)
    static func check(_ head: RequestHead) throws(ParseError) {
        let record = head.record
        let host = record.pointee.host
        guard host.count <= 1 else { throw .duplicateHost }
        guard host.isPresent else {
            if record.pointee.versionMinor != 0 { throw .missingHost }
            return
        }
        let value = head.octets(head.slots[Int(host.first)].value)
        guard let authority = Authority(value) else { throw .malformedHost }
        // An http URI without a host is refused (RFC 9110 4.2.1). The field may be empty where the target itself names
        // the host, and in HTTP/1.0, which could have left it out.
        let isNeeded = record.pointee.authority.isEmpty && record.pointee.versionMinor != 0
        if authority.hasHost { head.keepHost() } else if isNeeded || authority.port != nil { throw .emptyHost }
    }
}
