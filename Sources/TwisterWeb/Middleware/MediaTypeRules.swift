import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// The media types of bodies that a route accepts, and of responses that it makes, as its `Policy` declares them.
struct MediaTypeRules {
    /// Types of bodies; empty: all.
    private let consumes: [String]
    /// Types of responses; empty: `Accept` is ignored.
    private let produces: [String]

    /// Nil where the policy declares no types.
    init?(_ policy: Policy) {
        consumes = (policy.consumes ?? []).map { $0.lowercased() }
        produces = (policy.produces ?? []).map { $0.lowercased() }
        if consumes.isEmpty, produces.isEmpty { return nil }
    }

    /// - Throws: `HTTPError` 415 for a body of a type that is not taken, 406 where the client wants none of the types that are
    ///   made.
    func check(_ handler: RequestHandler) throws {
        if !consumes.isEmpty, handler.connection.requestHead.hasBody {
            let type = handler.contentType?.type
            guard let type, consumes.contains(where: { Self.matches(type, $0) }) else {
                let list = consumes.joined(separator: ", ")
                throw HTTPError(
                    .unsupportedMediaType, "a body of type \(type ?? "none")", detail: "The body has to be \(list).",
                    headers: [.accept: list])
            }
        }
        guard !produces.isEmpty else { return }
        handler.connection.addVary("Accept")
        guard handler.likes(produces) else {
            throw HTTPError(
                .notAcceptable, "the client accepts none of the types",
                detail: "The response would be \(produces.joined(separator: " or ")).")
        }
    }

    /// Whether a type is the declared one, or one of `type/*`, `*/*` or `type/*+suffix`.
    private static func matches(_ type: String, _ declared: String) -> Bool {
        guard let star = declared.utf8.firstIndex(of: UInt8(ascii: "*")) else { return type == declared }
        if declared == "*/*" { return true }
        let suffix = declared.utf8[declared.utf8.index(after: star)...]
        return type.utf8.starts(with: declared.utf8[..<star])
            && type.utf8.count >= declared.utf8.count && type.utf8.suffix(suffix.count).elementsEqual(suffix)
    }
}

extension RequestHandler {
    /// The type among `types` that the client likes best (`Accept`, RFC 9110 12.5.1), of equals the first; nil where it wants
    /// none of them. The response says that it depends on the field.
    ///
    ///     switch preferredMediaType(of: ["text/html", "application/json"]) { … }
    public func preferredMediaType(of types: [String]) -> String? {
        connection.checkThread("RequestHandler.preferredMediaType")
        connection.addVary("Accept")
        let weights = weights(of: types.map { $0.lowercased() })
        guard let best = weights.max(), best > 0 else { return nil }
        return weights.firstIndex(of: best).map { types[$0] }
    }

    fileprivate func likes(_ types: [String]) -> Bool { weights(of: types).contains { $0 > 0 } }

    /// A client that sends no field, or an empty one, takes every type, and so does one whose field names none of them and is
    /// malformed: Java's URLConnection sends `*; q=.2, */*; q=.2`.
    private func weights(of types: [String]) -> [Int] {
        let all = types.map { _ in 1_000 }
        guard let field = request.head[.accept], !field.isEmpty else { return all }
        return field.withOctets { octets in
            let accepted = AcceptedTypes(octets)
            let weights = types.map { accepted.weight($0) }
            return weights.contains { $0 > 0 } || accepted.isWellFormed ? weights : all
        }
    }
}
