extension RequestHead {
    /// What the client waits for before it sends the body (RFC 9110 10.1.1).
    package enum Expectation: Sendable {
        case none
        case continue100
        /// To be answered with 417.
        case unknown
    }

    /// Whether the client lets the connection live on after this exchange (RFC 9112 9.3).
    package var keepAlive: Bool {
        let isHTTP11 = record.pointee.versionMinor != 0
        guard record.pointee.connection.isPresent else { return isHTTP11 }
        if connectionContains("close") { return false }
        return isHTTP11 || connectionContains("keep-alive")
    }

    /// Whether a Connection field lists that option; `option` is in lower case.
    package func connectionContains(_ option: StaticString) -> Bool {
        anyValue(record.pointee.connection, named: "connection") { TokenList.contains($0, option) }
    }

    package var expectation: Expectation {
        let expect = record.pointee.expect
        // HTTP/1.0 has no 100 answer: the expectation has to be ignored.
        guard expect.isPresent, record.pointee.versionMinor != 0 else { return .none }
        let isUnknown = anyValue(expect, named: "expect") { value in
            var list = TokenList(value)
            while let element = list.next() {
                if !TokenList.equals(element, "100-continue") { return true }
            }
            return false
        }
        if isUnknown { return .unknown }
        return anyValue(expect, named: "expect") { !$0.isEmpty } ? .continue100 : .none
    }

    /// Whether the client offers to switch to that protocol (RFC 9110 7.8): it is in Upgrade, and Connection lists
    /// "upgrade". `name` is in lower case.
    package func offersUpgrade(to name: StaticString) -> Bool {
        guard record.pointee.upgrade.isPresent, record.pointee.versionMinor != 0 else { return false }
        return anyValue(record.pointee.upgrade, named: "upgrade") { TokenList.contains($0, name) }
            && connectionContains("upgrade")
    }

    /// The protocols that the client offers to switch to, in its order of preference; empty when it offers none.
    package var upgradeProtocols: [String] {
        guard record.pointee.upgrade.isPresent, record.pointee.versionMinor != 0, connectionContains("upgrade") else {
            return []
        }
        var protocols: [String] = []
        _ = anyValue(record.pointee.upgrade, named: "upgrade") { value in
            var list = TokenList(value)
            while let element = list.next() { protocols.append(String(decoding: element, as: UTF8.self)) }
            return false
        }
        return protocols
    }

    /// Whether a body is announced, be it an empty one.
    @inlinable
    package var hasBody: Bool { record.pointee.contentLength.isPresent || record.pointee.transferEncoding.isPresent }

    @inlinable
    package var hasExpect: Bool { record.pointee.expect.isPresent }

    @inlinable
    package var hasUpgrade: Bool { record.pointee.upgrade.isPresent }

    /// Whether `body` holds for one of the lines of a field that was noted while parsing.
    private func anyValue(
        _ occurrence: FieldOccurrence, named name: StaticString, _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        guard occurrence.isPresent else { return false }
        return withExtendedLifetime(self) {
            if body(octets(slots[Int(occurrence.first)].value)) { return true }
            var remaining = occurrence.count - 1
            var index = Int(occurrence.first) + 1
            while remaining > 0, index < fieldCount {
                if TokenList.equals(octets(slots[index].name), name) {
                    if body(octets(slots[index].value)) { return true }
                    remaining -= 1
                }
                index += 1
            }
            return false
        }
    }
}
