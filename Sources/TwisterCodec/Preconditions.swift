import HTTPTypes

/// The conditions of a GET or HEAD request (RFC 9110 13).
package struct Preconditions {
    package enum Outcome: Equatable, Sendable {
        /// The server responds as if there were no conditions.
        case met
        /// The client already has the representation: 304.
        case notModified
        /// The representation is not the one that the client expects: 412.
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
    ///   - tag: the representation's tag, without a content coding; nil where it has none.
    ///   - sentTag: the tag of the response in the coding that this client gets; nil: the same one. It decides `If-None-Match`: a
    ///     client that has the representation in another coding has another representation (RFC 9110 8.8.3.3), and a cache could
    ///     not tell which of its responses such a 304 is about (RFC 9111 4.3.4).
    ///   - lastModified: seconds since 1970, nil where the representation has no such date.
    ///   - now: seconds since 1970, which decide the century of dates whose year has two digits.
    ///   - codings: the codings that responses may get. `If-Match` may name the tag in each of them: a client that has the
    ///     representation in any coding knows the representation itself (`EntityTag.isListed(in:strongly:codings:)`).
    package func evaluate(
        tag: EntityTag?, sentTag: EntityTag? = nil, lastModified: Int64?, now: Int64, codings: [StaticString] = []
    ) -> Outcome {
        if let ifMatch {
            guard Self.matches(ifMatch, tag, strongly: true, codings) else { return .failed }
        } else if let lastModified, let date = Self.date(ifUnmodifiedSince, now), lastModified > date {
            return .failed
        }
        if let ifNoneMatch {
            return Self.matches(ifNoneMatch, sentTag ?? tag, strongly: false, []) ? .notModified : .met
        }
        if let lastModified, let date = Self.date(ifModifiedSince, now), lastModified <= date { return .notModified }
        return .met
    }

    /// Whether the server regards a `Range` field (RFC 9110 13.1.5): the client sends no If-Range, or has parts of this very
    /// representation.
    ///
    /// A date must be that of the representation, and its second must be over: a file that changed within the current second
    /// may change again.
    package func allowRange(tag: EntityTag?, lastModified: Int64, now: Int64) -> Bool {
        guard let ifRange else { return true }
        let isTag = ifRange.withOctets { $0.contains(ASCII.quote) }
        if isTag {
            // If-Range has one tag, not a list.
            guard let tag, !tag.isWeak else { return false }
            return ifRange == tag.text
        }
        guard let date = Self.date(ifRange, now) else { return false }
        return date == lastModified && now > lastModified
    }

    /// Whether a field lists the tag. `*` matches every representation.
    private static func matches(
        _ field: String, _ tag: EntityTag?, strongly: Bool, _ codings: [StaticString]
    ) -> Bool {
        field.withOctets { octets in
            TokenList.equals(octets, "*")
                || tag?.isListed(in: octets, strongly: strongly, codings: codings) ?? false
        }
    }

    /// The seconds of a date. A field that is no date is ignored.
    private static func date(_ field: String?, _ now: Int64) -> Int64? {
        field.flatMap { $0.withOctets { HTTPDate.parse($0, now: now) } }
    }
}
