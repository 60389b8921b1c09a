import TwisterCodec

/// What a handler class says about all its handlers, found out once, when its route is made. Plain memory, so that reading
/// it counts no references.
struct HandlerTraits: Sendable {
    let ownMethods: RequestMethodSet
    let overridesPrepare: Bool
    let requestBody: RequestBodyMode
    let maxBodySize: Int?
    /// Whether anything runs before the request's method.
    var hasPrelude: Bool { overridesPrepare || requestBody == .dataReceived }

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
