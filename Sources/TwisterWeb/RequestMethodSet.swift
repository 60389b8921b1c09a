import TwisterCodec

/// A set of methods, as one bit each.
struct RequestMethodSet: Sendable {
    private var bits: UInt16 = 0

    init(_ methods: some Sequence<RequestMethod>) {
        for method in methods { bits |= Self.bit(method) }
    }

    func contains(_ method: RequestMethod) -> Bool { bits & Self.bit(method) != 0 }

    private static func bit(_ method: RequestMethod) -> UInt16 { 1 << UInt16(method.rawValue) }
}
