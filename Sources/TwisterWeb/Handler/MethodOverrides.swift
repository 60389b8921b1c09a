import CTwisterMethodLookup
import HTTPTypes
import TwisterCodec

/// A function of `RequestHandler` that subclasses override.
enum OverridableMethod: CaseIterable {
    case get, head, post, put, patch, delete, options, other, prepare
    case setDefaultHeaders, decodeArgument, computeETag

    /// The HTTP method that it serves; `.other` stands for all that have no function of their own.
    var requestMethod: RequestMethod? {
        switch self {
        case .get: .get
        case .head: .head
        case .post: .post
        case .put: .put
        case .patch: .patch
        case .delete: .delete
        case .options: .options
        case .other: .other
        case .prepare, .setDefaultHeaders, .decodeArgument, .computeETag: nil
        }
    }

    fileprivate var lookup: handler_method {
        switch self {
        case .get: HANDLER_GET
        case .head: HANDLER_HEAD
        case .post: HANDLER_POST
        case .put: HANDLER_PUT
        case .patch: HANDLER_PATCH
        case .delete: HANDLER_DELETE
        case .options: HANDLER_OPTIONS
        case .other: HANDLER_OTHER
        case .prepare: HANDLER_PREPARE
        case .setDefaultHeaders: HANDLER_SET_DEFAULT_HEADERS
        case .decodeArgument: HANDLER_DECODE_ARGUMENT
        case .computeETag: HANDLER_COMPUTE_ETAG
        }
    }

    /// A subclass that overrides this function and nothing else.
    fileprivate var probe: RequestHandler.Type {
        switch self {
        case .get: GetProbe.self
        case .head: HeadProbe.self
        case .post: PostProbe.self
        case .put: PutProbe.self
        case .patch: PatchProbe.self
        case .delete: DeleteProbe.self
        case .options: OptionsProbe.self
        case .other: OtherProbe.self
        case .prepare: PrepareProbe.self
        case .setDefaultHeaders: DefaultHeadersProbe.self
        case .decodeArgument: DecodeArgumentProbe.self
        case .computeETag: ComputeETagProbe.self
        }
    }
}

/// Finds out which functions a handler class overrides, so that the `Allow` header field is right without a declaration.
/// This is done once for each route, when the route is made; a request costs nothing.
///
/// Swift has no language feature for the question: references to methods cannot be compared, `Mirror` does not list
/// methods, and to call a handler's method would run the application's code. Swift's runtime has a function that compiled
/// code uses for calls of `super`, `swift_lookUpClassMethod`: it returns the implementation that a class has for a method
/// of one of its superclasses. A class overrides a method if its implementation is another one than `RequestHandler`'s.
/// CTwisterMethodLookup calls it, in C. Nothing here depends on the layout of class metadata.
///
/// The result is verified when the first route is made: each probe, a subclass that overrides a single function, has to
/// differ in this function alone. A function for which that does not hold is taken to be overridden by every class.
/// Requests are then still served correctly, but `Allow` lists all methods, a body is received before its request is
/// refused with 405, and an empty `prepare` is called. `MethodOverridesTests` fail in this case.
final class MethodOverrides: Sendable {
    static let shared = MethodOverrides()

    /// What `RequestHandler` itself has, for the functions whose lookup was verified.
    private let base: [OverridableMethod: UInt]

    private init() {
        let methods = OverridableMethod.allCases
        let base = Dictionary(
            uniqueKeysWithValues: methods.compactMap { method in
                Self.implementation(of: method, in: RequestHandler.self).map { (method, $0) }
            })
        self.base = base.filter { method, own in
            methods.allSatisfy { other in
                (Self.implementation(of: method, in: other.probe) == own) == (other != method)
            }
        }
    }

    /// Whether the lookup works for every function.
    var isComplete: Bool { base.count == OverridableMethod.allCases.count }

    /// What `handler`, or a class between it and `RequestHandler`, overrides.
    func of(_ handler: RequestHandler.Type) -> Set<OverridableMethod> {
        Set(
            OverridableMethod.allCases.filter { method in
                guard let own = base[method] else { return true }
                return Self.implementation(of: method, in: handler) != own
            })
    }

    private static func implementation(of method: OverridableMethod, in handler: RequestHandler.Type) -> UInt? {
        // A class object is its metadata.
        let metadata = unsafeBitCast(handler as AnyClass, to: UnsafeRawPointer.self)
        return handler_implementation(metadata, method.lookup).map { UInt(bitPattern: $0) }
    }
}

private final class GetProbe: RequestHandler { override func get() async throws {} }
private final class HeadProbe: RequestHandler { override func head() async throws {} }
private final class PostProbe: RequestHandler { override func post() async throws {} }
private final class PutProbe: RequestHandler { override func put() async throws {} }
private final class PatchProbe: RequestHandler { override func patch() async throws {} }
private final class DeleteProbe: RequestHandler { override func delete() async throws {} }
private final class OptionsProbe: RequestHandler { override func options() async throws {} }
private final class OtherProbe: RequestHandler {
    override func other(_ method: HTTPRequest.Method) async throws {}
}
private final class PrepareProbe: RequestHandler { override func prepare() async throws {} }
private final class DefaultHeadersProbe: RequestHandler { override func setDefaultHeaders() throws {} }
private final class DecodeArgumentProbe: RequestHandler {
    override func decodeArgument(_ value: [UInt8], _ name: String?) throws -> String { "" }
}
private final class ComputeETagProbe: RequestHandler { override func computeETag() -> String? { nil } }
