import HTTPTypes
import TwisterCodec

/// A function of `RequestHandler` that subclasses override.
enum OverridableMethod: CaseIterable {
    case get, head, post, put, patch, delete, options, other, prepare

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
        case .prepare: nil
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
        }
    }
}

/// Finds out which functions a handler class overrides, so that `Allow` says the truth without being told.
///
/// Swift does not tell whether a class overrides a function, but its class metadata does: a subclass has its superclass's
/// table of functions, with its own in the places of those that it overrides. The place of each function is found with a
/// probe, a subclass that overrides nothing else: it is where this probe differs from `RequestHandler` and the other
/// probes do not. No knowledge of the metadata's layout is needed but its size.
final class MethodOverrides: Sendable {
    static let shared = MethodOverrides()

    private let base: [UInt]
    private let places: [OverridableMethod: Int]

    private init() {
        let size = Metadata.size(of: RequestHandler.self)
        let base = Metadata.words(of: RequestHandler.self, count: size)
        let probes = OverridableMethod.allCases.map { ($0, Metadata.words(of: $0.probe, count: size)) }
        var places: [OverridableMethod: Int] = [:]
        for (method, words) in probes {
            let own = words.indices.filter { index in
                words[index] != base[index] && probes.allSatisfy { $0 == method || $1[index] == base[index] }
            }
            if own.count == 1 { places[method] = own[0] }
        }
        self.base = base
        self.places = places
    }

    /// Whether the place of every function was found; one without is taken to be overridden.
    var isComplete: Bool { places.count == OverridableMethod.allCases.count }

    /// What `handler`, or a class between it and `RequestHandler`, overrides.
    func of(_ handler: RequestHandler.Type) -> Set<OverridableMethod> {
        let words = Metadata.words(of: handler, count: base.count)
        return Set(
            OverridableMethod.allCases.filter { method in
                guard let place = places[method] else { return true }
                return words[place] != base[place]
            })
    }
}

/// Reads the words of a class's metadata.
private enum Metadata {
    /// Words from the address point to the end. Native class metadata holds the whole size and the address point's
    /// offset in two 32-bit fields of its fifth word (after kind, superclass, flags, and the instance's sizes).
    static func size(of type: RequestHandler.Type) -> Int {
        let sizes = pointer(type).advanced(by: 4 * MemoryLayout<UInt>.size)
        let whole = Int(sizes.load(as: UInt32.self))
        let offset = Int(sizes.load(fromByteOffset: 4, as: UInt32.self))
        return max(0, whole - offset) / MemoryLayout<UInt>.size
    }

    static func words(of type: RequestHandler.Type, count: Int) -> [UInt] {
        let words = pointer(type).assumingMemoryBound(to: UInt.self)
        return (0..<count).map { words[$0] }
    }

    private static func pointer(_ type: RequestHandler.Type) -> UnsafeRawPointer {
        unsafeBitCast(type as AnyClass, to: UnsafeRawPointer.self)
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
