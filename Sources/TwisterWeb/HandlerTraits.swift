import TwisterCodec

/// What a handler class says about all its handlers, found out once, when its route is made.
final class HandlerTraits: Sendable {
    let overriddenMethods: Set<RequestMethod>
    let overridesPrepare: Bool
    let requestBody: RequestBodyMode
    let maxBodySize: Int?

    /// Of handlers that are only known to be some `RequestHandler`, everything is taken to be overridden.
    init(_ type: RequestHandler.Type) {
        let isKnown = type != RequestHandler.self
        let overrides = isKnown ? MethodOverrides.shared.of(type) : Set(OverridableMethod.allCases)
        overriddenMethods = Set(overrides.compactMap(\.requestMethod))
        overridesPrepare = overrides.contains(.prepare)
        requestBody = type.requestBody
        maxBodySize = type.maxBodySize
    }
}
