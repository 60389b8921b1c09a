/// An optional type, for code that has it as the type of a generic value.
protocol OptionalType {
    /// The type of a value that is there.
    static var wrapped: any Any.Type { get }
    /// The value that is not there.
    static var missing: Self { get }
}

extension Optional: OptionalType {
    static var wrapped: any Any.Type { Wrapped.self }
    static var missing: Wrapped? { nil }
}
