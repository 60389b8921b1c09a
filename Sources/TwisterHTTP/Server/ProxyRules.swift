import HTTPTypes
import TwisterCodec

/// What a trusted proxy says of a request's client.
struct ForwardedClient: Equatable {
    var address: IPAddress?
    /// Whether the client speaks https; nil: the proxy does not say.
    var isSecured: Bool?
}

/// Finds out who a request's client is, from the fields that proxies have added.
///
/// Proxies append: the last entry of a list was written by the proxy next to us, and only where that one is trusted can
/// the entry before it be believed. So the client is the right-most address that is not a trusted proxy's; everything to
/// its left is what that client claims.
final class ProxyRules {
    private let configuration: HTTPServerConfiguration

    /// Nil where the configuration asks for nothing of this.
    init?(_ configuration: HTTPServerConfiguration) {
        guard configuration.xheaders || configuration.forwardedHeader else { return nil }
        self.configuration = configuration
    }

    /// Nil where `peer` is not trusted, or says nothing.
    func client(of head: RequestHead, from peer: IPAddress?) -> ForwardedClient? {
        guard configuration.trusts(peer) else { return nil }
        var client = ForwardedClient()
        if configuration.xheaders { readXHeaders(head, &client) }
        if configuration.forwardedHeader { readForwarded(head, &client) }
        return client == ForwardedClient() ? nil : client
    }

    // MARK: X-Forwarded-For and its like

    private static let realIP = HTTPField.Name("X-Real-Ip")
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")
    private static let scheme = HTTPField.Name("X-Scheme")
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")
    private static let forwarded = HTTPField.Name("Forwarded")

    /// Tornado: `_HTTPRequestContext._apply_xheaders`.
    private func readXHeaders(_ head: RequestHead, _ client: inout ForwardedClient) {
        if let address = Self.value(head, Self.realIP).flatMap({ IPAddress($0) }) {
            client.address = address
        } else if var list = Self.value(head, Self.forwardedFor) {
            client.address = rightmostClient(
                list.withUTF8 { octets in
                    var nodes: [ForwardedNode] = []
                    var list = TokenList(UnsafeRawBufferPointer(octets))
                    while let element = list.next() { nodes.append(ForwardedNode(element)) }
                    return nodes
                })
        }
        let scheme = Self.value(head, Self.scheme) ?? Self.value(head, Self.forwardedProto)
        if let scheme { client.isSecured = TokenList.elements(of: scheme).last?.lowercased() == "https" }
    }

    /// Walks from the right, over addresses of trusted proxies, to the first address that is not one. Without such an address,
    /// the last one seen counts. Entries before a hidden one are not trusted.
    private func rightmostClient(_ nodes: [ForwardedNode]) -> IPAddress? {
        var found: IPAddress?
        for node in nodes.reversed() {
            guard case .address(let address) = node else { break }
            found = address
            if !configuration.trusts(address) { break }
        }
        return found
    }

    private static func value(_ head: RequestHead, _ name: HTTPField.Name?) -> String? { name.flatMap { head[$0] } }

    // MARK: Forwarded (RFC 7239)

    private func readForwarded(_ head: RequestHead, _ client: inout ForwardedClient) {
        guard var field = Self.value(head, Self.forwarded) else { return }
        let elements: [ForwardedParser.Element]? = field.withUTF8 { octets in
            var parser = ForwardedParser(UnsafeRawBufferPointer(octets))
            var elements: [ForwardedParser.Element] = []
            while let element = parser.next() { elements.append(element) }
            return parser.isMalformed ? nil : elements
        }
        guard let elements, let last = elements.last else { return }
        if let address = rightmostClient(elements.map { $0.node ?? .hidden }) { client.address = address }
        // The protocol in which the client spoke to the proxy next to us, as in X-Forwarded-Proto.
        if let proto = last.proto { client.isSecured = proto == "https" }
    }
}
