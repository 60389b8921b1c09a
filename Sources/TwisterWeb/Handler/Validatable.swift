/// A value that checks itself once it is decoded from a request.
///
///     func validate() throws {
///         try require(!title.isEmpty, "title", "must not be empty")
///         try require(steps, "steps")  // each is Validatable, too
///     }
///
/// The first failure ends it; `ValidationFailures` reports several.
public protocol Validatable {
    /// Called by `decodeBody`, `decodeQuery` and a WebSocket message's `decode`. A handler that gets a value in another way
    /// calls it by itself.
    ///
    /// - Throws: `ValidationFailure` or `ValidationFailures`: the request gets 422 with them.
    func validate() throws
}

extension Validatable {
    /// Throws a failure of the field `path` unless the condition holds.
    public func require(_ condition: Bool, _ path: String, _ message: String) throws(ValidationFailure) {
        if !condition { throw ValidationFailure(path, message) }
    }

    /// Validates the value of the field `path`. Its failures are those of fields within that one: `address.city`.
    public func require(_ value: some Validatable, _ path: String) throws {
        do {
            try value.validate()
        } catch let failure as ValidationFailure {
            throw failure.within(path)
        } catch let failures as ValidationFailures {
            throw ValidationFailures(failures.failures.map { $0.within(path) })
        }
    }

    /// Validates each of the values in the field `path`: `lines[2].price`.
    public func require(_ values: some Sequence<some Validatable>, _ path: String) throws {
        for (index, value) in values.enumerated() { try require(value, "\(path)[\(index)]") }
    }
}

/// A value of a request that is not as it has to be.
public struct ValidationFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where the value is: names of fields and places in lists, `author.emails[0]`; empty: the whole.
    public let path: String
    /// What is wrong with it, in words for the client: "must not be empty".
    public let message: String

    public init(_ path: String, _ message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { path.isEmpty ? message : "\(path) \(message)" }

    /// The same failure, of a field within the one at `outer`.
    func within(_ outer: String) -> ValidationFailure {
        let isIndex = path.isEmpty || path.hasPrefix("[")
        return ValidationFailure(isIndex ? outer + path : "\(outer).\(path)", message)
    }
}

/// Several values of a request that are not as they have to be.
public struct ValidationFailures: Error, Sendable, CustomStringConvertible {
    /// Each of them.
    public let failures: [ValidationFailure]

    public init(_ failures: [ValidationFailure]) { self.failures = failures }

    public var description: String { failures.map(\.description).joined(separator: "; ") }
}
