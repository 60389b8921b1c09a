import TwisterCodec

/// What a handler class says about all its handlers, found out once, when its route is made.
final class HandlerTraits: Sendable {
    let overriddenMethods: Set<RequestMethod>
    let overridesPrepare: Bool
    let requestBody: RequestBodyMode
    let maxBodySize: Int?

    init(_ type: RequestHandler.Type) {
        let overrides = MethodOverrides.shared.of(type)
        overriddenMethods = Set(overrides.compactMap(\.requestMethod))
        overridesPrepare = overrides.contains(.prepare)
        requestBody = type.requestBody
        maxBodySize = type.maxBodySize
    }
}
