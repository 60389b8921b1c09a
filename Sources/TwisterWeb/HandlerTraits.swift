import TwisterCodec

/// What a handler class says about all its handlers, found out once, when its route is made. Plain memory, so that reading
/// it counts no references.
struct HandlerTraits: Sendable {
    let ownMethods: RequestMethodSet
    let overridesPrepare: Bool
    let requestBody: RequestBodyMode
    let maxBodySize: Int?

    /// Of handlers that are only known to be some `RequestHandler`, everything is taken to be overridden.
    init(_ type: RequestHandler.Type) {
        let isKnown = type != RequestHandler.self
        let overrides = isKnown ? MethodOverrides.shared.of(type) : Set(OverridableMethod.allCases)
        ownMethods = RequestMethodSet(overrides.compactMap(\.requestMethod))
        overridesPrepare = overrides.contains(.prepare)
        requestBody = type.requestBody
        maxBodySize = type.maxBodySize
    }
}

/// A set of methods.
struct RequestMethodSet: Sendable {
    private var bits: UInt16 = 0

    init(_ methods: some Sequence<RequestMethod>) {
        for method in methods { bits |= Self.bit(method) }
    }

    func contains(_ method: RequestMethod) -> Bool { bits & Self.bit(method) != 0 }

    private static func bit(_ method: RequestMethod) -> UInt16 { 1 << UInt16(method.rawValue) }
}
