extension RequestHead {
    /// The request's Expect field (RFC 9110 10.1.1).
    package enum Expectation: Sendable {
        case none
        case continue100
        /// The server responds with 417.
        case unknown
    }

    /// Whether it is a request as nearly all are: with a path as its target, and with none of the fields that say something
    /// of its body.
    @inlinable package var isPlain: Bool { targetForm == .origin && !announcesBody && !hasExpect }

    /// Whether the client allows the connection to stay open after this exchange (RFC 9112 9.3).
    @inlinable package var keepAlive: Bool {
        facts.connection.isPresent ? connectionAllowsMore : versionMinor != 0
    }

    @usableFromInline var connectionAllowsMore: Bool {
        !connectionContains("close") && (versionMinor != 0 || connectionContains("keep-alive"))
    }

    package var expectation: Expectation {
        let expect = facts.expect
        // HTTP/1.0 has no 100 response: the expectation has to be ignored.
        guard expect.isPresent, versionMinor != 0 else { return .none }
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
        guard facts.upgrade.isPresent, versionMinor != 0 else { return false }
        return anyValue(facts.upgrade, named: "upgrade") { TokenList.contains($0, name) }
            && connectionContains("upgrade")
    }

    /// Whether a body follows, which may be empty.
    @inlinable
    package var hasBody: Bool { announcesBody || line.hasHTTP2Body }

    /// Whether the head's fields announce a body, as they have to in HTTP/1.1.
    @inlinable
    var announcesBody: Bool { facts.contentLength.isPresent || facts.transferEncoding.isPresent }

    @inlinable
    package var hasExpect: Bool { facts.expect.isPresent }
}
