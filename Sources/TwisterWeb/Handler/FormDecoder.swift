import FoundationEssentials

/// Makes a value from the arguments of a query or a form: each argument is a field, several of one name are a list. Numbers and
/// Booleans are read from text; dates, URLs and other types that JSON has a form of its own for are read as the application's
/// JSON decoder reads them. Browsers send an input that is empty as an argument without text: it is an empty string, and an
/// optional value that cannot be made of an empty text is missing.
enum FormDecoder {
    static func decode<Value: Decodable>(
        _ type: Value.Type, _ arguments: Arguments, json: JSONDecoder
    ) throws -> Value {
        try Value(from: ObjectDecoder(arguments: arguments, json: json))
    }

    /// Types that JSON has a form of its own for.
    fileprivate static let foundationTypes = Set([
        ObjectIdentifier(Date.self), ObjectIdentifier(Data.self), ObjectIdentifier(Decimal.self),
        ObjectIdentifier(URL.self),
    ])

    /// Makes a value of the texts of one argument. An optional one is missing where it cannot be made and all texts are empty.
    fileprivate static func value<Value: Decodable>(
        _ type: Value.Type, _ values: [String], _ codingPath: [any CodingKey], _ json: JSONDecoder,
        isElement: Bool = false
    ) throws -> Value {
        do {
            let decoder = ValueDecoder(values: values, codingPath: codingPath, json: json, isElement: isElement)
            return try decoder.decode(type)
        } catch let error as DecodingError {
            guard values.allSatisfy(\.isEmpty), let missing = (type as? any OptionalType.Type)?.missing as? Value else {
                throw error
            }
            return missing
        }
    }

    fileprivate struct ObjectDecoder: Decoder {
        let arguments: Arguments
        let json: JSONDecoder
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
            KeyedDecodingContainer(Fields<Key>(arguments: arguments, json: json))
        }

        func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw mismatch() }
        func singleValueContainer() throws -> any SingleValueDecodingContainer { throw mismatch() }

        private func mismatch() -> DecodingError {
            .typeMismatch([Any].self, .init(codingPath: [], debugDescription: "a form is an object"))
        }
    }

    fileprivate struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let arguments: Arguments
        let json: JSONDecoder
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { arguments.all.compactMap { Key(stringValue: $0.name) } }

        func contains(_ key: Key) -> Bool { !arguments[key.stringValue].isEmpty }
        func decodeNil(forKey key: Key) -> Bool { arguments[key.stringValue].isEmpty }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            let values = arguments[key.stringValue]
            guard !values.isEmpty else {
                // A list box of which nothing is chosen sends nothing.
                if let empty = (type as? any EmptyList.Type)?.empty as? Value { return empty }
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "no such argument"))
            }
            return try FormDecoder.value(type, values, [key], json)
        }

        private func optional<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
            let values = arguments[key.stringValue]
            return values.isEmpty ? nil : try FormDecoder.value(Value?.self, values, [key], json)
        }

        // The library has a function for each of these types, which would be taken before the generic one.
        func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
        func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
        func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
        func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try optional(type, key) }
        func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
        func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
        func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
        func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try optional(type, key) }
        func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try optional(type, key) }
        func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try optional(type, key) }
        func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }
        func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }
        func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
            try optional(type, key)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { throw unsupported(key) }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            Values(values: arguments[key.stringValue], codingPath: [key], json: json)
        }
        func superDecoder() throws -> any Decoder { ObjectDecoder(arguments: arguments, json: json) }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw unsupported(key) }

        private func unsupported(_ key: Key) -> DecodingError {
            .typeMismatch(
                [String: Any].self, .init(codingPath: [key], debugDescription: "a form has no objects within it"))
        }
    }

    /// One argument: its last value, or the list of its values.
    fileprivate struct ValueDecoder: Decoder, SingleValueDecodingContainer {
        let values: [String]
        let codingPath: [any CodingKey]
        let json: JSONDecoder
        /// Whether this is a value of a list. It is no list itself: a type that tries a list of itself first, as one for any
        /// JSON does, would go on without end.
        let isElement: Bool
        var userInfo: [CodingUserInfoKey: Any] { [:] }
        private var text: String { values.last ?? "" }

        func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
            throw mismatch([String: Any].self)
        }
        func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
            guard !isElement else { throw mismatch([Any].self) }
            return Values(values: values, codingPath: codingPath, json: json)
        }
        func singleValueContainer() -> any SingleValueDecodingContainer { self }

        func decodeNil() -> Bool { values.isEmpty }
        func decode(_ type: String.Type) -> String { text }
        func decode(_ type: Bool.Type) throws -> Bool {
            switch text.lowercased() {
            // What browsers send for a ticked box, and what people write.
            case "true", "1", "on", "yes": return true
            case "false", "0", "off", "no", "": return false
            default: throw mismatch(type)
            }
        }
        func decode(_ type: Double.Type) throws -> Double { try convert(type, Double.init(decimal:)) }
        func decode(_ type: Float.Type) throws -> Float { try convert(type, Float.init(decimal:)) }
        func decode(_ type: Int.Type) throws -> Int { try convert(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try convert(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try convert(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try convert(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try convert(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try convert(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try convert(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try convert(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try convert(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try convert(type) }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            return try FormDecoder.foundationTypes.contains(ObjectIdentifier(type))
                ? convert(type) { Self.fromJSON(type, $0, json) } : Value(from: self)
        }

        /// The value of a text: that of a string in JSON, or else that of a number.
        private static func fromJSON<Value: Decodable>(
            _ type: Value.Type, _ text: String, _ json: JSONDecoder
        ) -> Value? {
            if let string = try? JSONBodyEncoder.encode(text), let value = try? json.decode(type, from: Data(string)) {
                return value
            }
            let isNumber = !text.isEmpty && text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
            return isNumber ? try? json.decode(type, from: Data(text.utf8)) : nil
        }

        private func convert<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
            try convert(type) { Value($0) }
        }

        private func convert<Value>(_ type: Value.Type, _ make: (String) -> Value?) throws -> Value {
            guard let value = make(text) else { throw mismatch(type) }
            return value
        }

        private func mismatch(_ type: any Any.Type) -> DecodingError {
            .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "\"\(text)\" is no \(type)"))
        }
    }

    /// The values of one argument as a list.
    fileprivate struct Values: UnkeyedDecodingContainer {
        let values: [String]
        let codingPath: [any CodingKey]
        let json: JSONDecoder
        var currentIndex = 0
        var count: Int? { values.count }
        var isAtEnd: Bool { currentIndex == values.count }

        init(values: [String], codingPath: [any CodingKey], json: JSONDecoder) {
            self.values = values
            self.codingPath = codingPath
            self.json = json
        }

        mutating func decodeNil() -> Bool { false }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    type, .init(codingPath: codingPath, debugDescription: "no more values"))
            }
            defer { currentIndex += 1 }
            return try FormDecoder.value(type, [values[currentIndex]], codingPath, json, isElement: true)
        }
        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> { throw unsupported() }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported() }
        mutating func superDecoder() throws -> any Decoder { throw unsupported() }

        private func unsupported() -> DecodingError {
            .typeMismatch([Any].self, .init(codingPath: codingPath, debugDescription: "a form has no lists of lists"))
        }
    }
}

private protocol EmptyList { static var empty: Self { get } }
extension Array: EmptyList { fileprivate static var empty: [Element] { [] } }
