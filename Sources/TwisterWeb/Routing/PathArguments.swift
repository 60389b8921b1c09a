import TwisterCodec

/// The values that the groups of a pattern captured from a path, percent-decoded.
///
/// Tornado: `RequestHandler.path_args`, `RequestHandler.path_kwargs`.
public struct PathArguments: Sendable, Equatable {
    /// The groups' values in order; nil for a group that took no part in the match.
    public let values: [String?]
    /// The groups' names in order; empty if they are positional.
    public let names: [String]

    package static let none = PathArguments(values: [], names: [])

    package init(values: [String?], names: [String]) {
        self.values = values
        self.names = names
    }

    /// Decodes the captured parts of a path.
    ///
    /// Throws `PathArgumentError` on a malformed escape and on bytes that are not UTF-8: a bad request.
    package init(
        _ captures: RouteCaptures, names: [String], path: UnsafeRawBufferPointer
    ) throws(PathArgumentError) {
        guard captures.count > 0 else {
            self = .none
            return
        }
        var values: [String?] = []
        values.reserveCapacity(captures.count)
        for group in 0..<captures.count {
            guard let range = captures[group] else {
                values.append(nil)
                continue
            }
            guard let value = PercentCoding.decodePath(UnsafeRawBufferPointer(rebasing: path[range])) else {
                throw PathArgumentError(group: group)
            }
            values.append(value)
        }
        self.init(values: values, names: names)
    }

    init(_ captures: RouteCaptures, names: [String], path: [UInt8]) throws(PathArgumentError) {
        var result: Result<PathArguments, PathArgumentError> = .success(.none)
        path.withUnsafeBytes { bytes in
            result = Result { () throws(PathArgumentError) in
                try PathArguments(captures, names: names, path: bytes)
            }
        }
        self = try result.get()
    }

    /// How many groups the pattern has.
    public var count: Int { values.count }

    /// The value of group `index`, from 0; nil if there is no such group or it took no part in the match.
    public subscript(index: Int) -> String? {
        values.indices.contains(index) ? values[index] : nil
    }

    /// The value of the group with this name; nil if there is no such group or it took no part in the match.
    public subscript(name: String) -> String? {
        names.firstIndex(of: name).flatMap { self[$0] }
    }
}

/// A part of a path that a group captured is not properly percent-encoded UTF-8: a bad request (400).
public struct PathArgumentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The group's number, from 0.
    public let group: Int

    public var description: String { "path argument \(group) is not properly percent-encoded UTF-8" }
}
