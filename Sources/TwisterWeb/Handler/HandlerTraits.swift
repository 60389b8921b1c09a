import TwisterCodec
import TwisterHTTP
import TwisterIO

/// What holds for all handlers of a route, found out once, when the application is made.
final class HandlerTraits: Sendable {
    /// The class and the pattern of the paths, as the application gave it, for logs, metrics and reports.
    let label: JobLabel
    /// The methods that the handlers have functions for.
    let ownMethods: RequestMethodSet
    /// The methods that this and other handlers serve on the same path, for `Allow`.
    let pathMethods: RequestMethodSet
    /// Methods beyond the usual ones that are served on the same path, for `Allow`.
    let otherMethods: [String]
    let requestBody: RequestBodyMode
    /// The longest body, in bytes; nil: the server decides.
    let maxBodySize: Int?
    let overridesPrepare: Bool
    let overridesDefaultHeaders: Bool
    /// What runs around the method; nil for routes without middleware, checks and `prepare`, for which this costs next to
    /// nothing.
    let course: (any HandlerCourse)?
    /// Whether there is a course. To ask the reference itself would retain it.
    let hasCourse: Bool

    init(
        label: JobLabel, ownMethods: RequestMethodSet, pathMethods: RequestMethodSet, otherMethods: [String] = [],
        requestBody: RequestBodyMode, maxBodySize: Int?, overridesPrepare: Bool, overridesDefaultHeaders: Bool,
        course: (any HandlerCourse)?
    ) {
        self.label = label
        self.ownMethods = ownMethods
        self.pathMethods = pathMethods
        self.otherMethods = otherMethods
        self.requestBody = requestBody
        self.maxBodySize = maxBodySize
        self.overridesPrepare = overridesPrepare
        self.overridesDefaultHeaders = overridesDefaultHeaders
        self.course = course
        hasCourse = course != nil
    }
}

/// A set of methods, as one bit each.
struct RequestMethodSet: Sendable {
    private var bits: UInt16 = 0
    /// Whether HEAD is served wherever GET is.
    private let isHeadServed: Bool

    init(_ methods: some Sequence<RequestMethod>, isHeadServed: Bool = true) {
        self.isHeadServed = isHeadServed
        for method in methods { bits |= Self.bit(method) }
    }

    func contains(_ method: RequestMethod) -> Bool { bits & Self.bit(method) != 0 }

    func union(_ other: RequestMethodSet) -> RequestMethodSet {
        var union = self
        union.bits |= other.bits
        return union
    }

    private static func bit(_ method: RequestMethod) -> UInt16 { 1 << UInt16(method.rawValue) }

    /// The methods to be listed in `Allow`, in the usual order: HEAD comes with GET, unless the handler's class refuses it, and
    /// OPTIONS is always served.
    var allowed: [RequestMethod] {
        let order: [RequestMethod] = [.get, .head, .post, .put, .patch, .delete, .options]
        return order.filter { method in
            switch method {
            case .head: isHeadServed && (contains(.head) || contains(.get))
            case .options: true
            default: contains(method)
            }
        }
    }
}
