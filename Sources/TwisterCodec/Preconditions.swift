import HTTPTypes

/// What a request makes its answer depend on (RFC 9110 13), for GET and HEAD.
package struct Preconditions {
    package enum Outcome: Equatable, Sendable {
        /// The request is answered as if there were no conditions.
        case met
        /// The client has it already: 304.
        case notModified
        /// It is not what the client thinks that it is: 412.
        case failed
    }

    package var ifMatch: String?
    package var ifUnmodifiedSince: String?
    package var ifNoneMatch: String?
    package var ifModifiedSince: String?
    package var ifRange: String?

    package init() {}

    package init(_ head: RequestHead) {
        ifMatch = head[.ifMatch]
        ifUnmodifiedSince = head[.ifUnmodifiedSince]
        ifNoneMatch = head[.ifNoneMatch]
        ifModifiedSince = head[.ifModifiedSince]
        ifRange = head[.ifRange]
    }

    /// Evaluates the conditions in the order of RFC 9110 13.2.2, for a representation that exists.
    ///
    /// - Parameters:
    ///   - tag: the representation's; nil: it has none.
    ///   - lastModified: seconds since 1970.
    ///   - now: the same, for the century of dates with two digits.
    package func evaluate(tag: EntityTag?, lastModified: Int64, now: Int64) -> Outcome {
        if let ifMatch {
            guard Self.matches(ifMatch, tag, strongly: true) else { return .failed }
        } else if let date = Self.date(ifUnmodifiedSince, now), lastModified > date {
            return .failed
        }
        if let ifNoneMatch {
            return Self.matches(ifNoneMatch, tag, strongly: false) ? .notModified : .met
        }
        if let date = Self.date(ifModifiedSince, now), lastModified <= date { return .notModified }
        return .met
    }

    /// Whether a `Range` field counts (RFC 9110 13.1.5): the client has parts of just this representation, or does not ask.
    ///
    /// A date must be the representation's own, and its second must be over: what changed within a second that has not
    /// ended may change again.
    package func allowRange(tag: EntityTag?, lastModified: Int64, now: Int64) -> Bool {
        guard let ifRange else { return true }
        let isTag = ifRange.withOctets { $0.contains(ASCII.quote) }
        if isTag {
            // One tag, not a list of them.
            guard let tag, !tag.isWeak else { return false }
            return ifRange == tag.text
        }
        guard let date = Self.date(ifRange, now) else { return false }
        return date == lastModified && now > lastModified
    }

    /// `*` stands for whatever there is.
    private static func matches(_ field: String, _ tag: EntityTag?, strongly: Bool) -> Bool {
        field.withOctets { octets in
            TokenList.equals(octets, "*") || tag?.isListed(in: octets, strongly: strongly) ?? false
        }
    }

    /// A field that is no date is ignored.
    private static func date(_ field: String?, _ now: Int64) -> Int64? {
        field.flatMap { $0.withOctets { HTTPDate.parse($0, now: now) } }
    }
}
