public import HTTPTypes

/// The header fields of a message that was received.
///
/// Looking a field up makes no copy of the others, and text is made only of the value that is asked for. Names are compared
/// without regard to case (RFC 9110 5.1).
///
/// Tornado: `HTTPHeaders`.
public struct HTTPHeaders: Sendable {
    @usableFromInline let head: HeadFields

    @inlinable
    package init(_ head: HeadFields) {
        self.head = head
    }

    /// The number of field lines.
    public var count: Int { head.fieldCount }

    /// Whether there is no field at all.
    public var isEmpty: Bool { head.fieldCount == 0 }

    /// The value of a field, nil when it was not sent. Several lines of one name are joined by ", " (RFC 9110 5.3),
    /// those of Cookie by "; ".
    public subscript(name: HTTPField.Name) -> String? { head[name] }

    /// The value of a field by the text of its name. It is nil also for a text that is no field name.
    public subscript(name: String) -> String? {
        guard let name = HTTPField.Name(name) else { return nil }
        return head[name]
    }

    /// The values of all lines of one name, in the order of arrival.
    ///
    /// Tornado: `HTTPHeaders.get_list`.
    public func values(for name: HTTPField.Name) -> [String] { head.values(for: name) }

    /// Whether at least one line of that name was sent.
    public func contains(_ name: HTTPField.Name) -> Bool { head.contains(name) }

    /// All fields as HTTPTypes' own container, a copy that may be changed.
    public var httpFields: HTTPFields { head.httpFields }
}

extension HTTPHeaders: Sequence {
    /// Each field line in the order of arrival, names spelled as they were sent.
    ///
    /// Tornado: `HTTPHeaders.get_all`.
    public struct Iterator: IteratorProtocol {
        let head: HeadFields
        var index = 0

        public mutating func next() -> (name: String, value: String)? {
            guard index < head.fieldCount else { return nil }
            defer { index += 1 }
            return (head.fieldName(at: index), head.fieldValue(at: index))
        }
    }

    public func makeIterator() -> Iterator { Iterator(head: head) }
}
