import HTTPTypes

/// Reading the request's arguments as numbers, truth values, enums and other types.
///
/// The rule is that of texts: a value that is missing is an `HTTPError` 400 where no default is given, and `default: nil` makes
/// it optional. A value that does not convert is 400 in any case: a client that has sent nonsense learns of it.
extension RequestHandler {
    /// The last value of an argument of the form, else of the query, converted.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is no such value.
    public func getArgument<Value: PathValue>(_ name: String, as type: Value.Type) throws -> Value {
        try converted(name, getArgument(name), type)
    }

    /// The same with a default for an argument that is not there.
    public func getArgument<Value: PathValue>(_ name: String, as type: Value.Type, default value: Value) throws -> Value
    {
        try getArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    /// The same, nil where the argument is not there and `default` is nil.
    @_disfavoredOverload
    public func getArgument<Value: PathValue>(
        _ name: String, as type: Value.Type, default value: Value?
    ) throws -> Value? {
        try getArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    /// The last value of an argument of the query, converted.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is no such value.
    public func getQueryArgument<Value: PathValue>(_ name: String, as type: Value.Type) throws -> Value {
        try converted(name, getQueryArgument(name), type)
    }

    /// The same with a default for an argument that is not there.
    public func getQueryArgument<Value: PathValue>(
        _ name: String, as type: Value.Type, default value: Value
    ) throws -> Value {
        try getQueryArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    /// The same, nil where the argument is not there and `default` is nil.
    @_disfavoredOverload
    public func getQueryArgument<Value: PathValue>(
        _ name: String, as type: Value.Type, default value: Value?
    ) throws -> Value? {
        try getQueryArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    /// The last value of an argument of the form, converted.
    ///
    /// - Throws: `HTTPError` 400 if there is none, or if it is no such value.
    public func getBodyArgument<Value: PathValue>(_ name: String, as type: Value.Type) throws -> Value {
        try converted(name, getBodyArgument(name), type)
    }

    /// The same with a default for an argument that is not there.
    public func getBodyArgument<Value: PathValue>(
        _ name: String, as type: Value.Type, default value: Value
    ) throws -> Value {
        try getBodyArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    /// The same, nil where the argument is not there and `default` is nil.
    @_disfavoredOverload
    public func getBodyArgument<Value: PathValue>(
        _ name: String, as type: Value.Type, default value: Value?
    ) throws -> Value? {
        try getBodyArgument(name, default: nil).map { try converted(name, $0, type) } ?? value
    }

    private func converted<Value: PathValue>(_ name: String, _ text: String, _ type: Value.Type) throws -> Value {
        guard let value = Value(pathArgument: text) else {
            let complaint = TypeName(type).map { "must be \($0.text)" } ?? "is not valid"
            throw HTTPError(
                .badRequest, "argument \(name) is no \(type)", detail: "The argument \(name) \(complaint).")
        }
        return value
    }
}
