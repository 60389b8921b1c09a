import Twister

/// An error of the application itself, for which clients get a plain 500.
struct Crash: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension RequestHandler {
    /// The type of text and bytes that are written without a type, as Tornado has it.
    static var html: String { "text/html; charset=UTF-8" }

    /// Whether the query has the argument, with whatever value.
    func hasFlag(_ name: String) throws -> Bool { try !getQueryArguments(name).isEmpty }

    func respond(_ value: JSON) throws { try write(json: value) }
}
