/// The encoder of one value, at its place in the text.
struct JSONValueEncoder: Encoder {
    let writer: JSONWriter
    let place: JSONPlace
    /// The type of the value, where it is known.
    var type: (any Any.Type)?

    var codingPath: [any CodingKey] { writer.output.codingPath(place) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let order: JSONOrder = ObjectIdentifier(type) == JSONDictionaryKey.type ? .sorted : .encoded
        return KeyedEncodingContainer(
            JSONObjectContainer<Key>(writer: writer, place: writer.begin(.object, order, place)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let order = (type as? any JSONUnorderedList.Type)?.order ?? .encoded
        return JSONArrayContainer(writer: writer, place: writer.begin(.array, order, place))
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONSingleContainer(writer: writer, place: place)
    }
}

/// An object.
struct JSONObjectContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: JSONWriter
    let place: JSONPlace

    var codingPath: [any CodingKey] { writer.output.codingPath(place) }

    func encodeNil(forKey key: Key) throws {
        try writer.output.beginMember(key.stringValue, place)
        writer.output.text.append(plain: "null")
    }

    // The library's own functions for numbers of 128 bits, which throw, would be taken before the generic one.
    func encode(_ value: Int128, forKey key: Key) throws { try write(value, key) }
    func encode(_ value: UInt128, forKey key: Key) throws { try write(value, key) }
    func encode<Value: JSONScalar>(_ value: Value, forKey key: Key) throws { try write(value, key) }

    private func write(_ value: some JSONScalar, _ key: Key) throws {
        try writer.check(value, .name(key), place)
        try writer.output.beginMember(key.stringValue, place)
        value.append(to: &writer.output.text)
    }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        let mark = try writer.output.mark(place)
        try writer.output.beginMember(key.stringValue, place)
        try writer.write(value, .name(key), place, mark)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        JSONValueEncoder(writer: writer, place: writer.openMember(key, place)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONValueEncoder(writer: writer, place: writer.openMember(key, place)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        JSONValueEncoder(writer: writer, place: writer.openMember(JSONSuperKey.super, place))
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        JSONValueEncoder(writer: writer, place: writer.openMember(key, place))
    }
}

/// The key of a superclass's value in an object.
private enum JSONSuperKey: String, CodingKey {
    case `super`
}

/// An array.
struct JSONArrayContainer: UnkeyedEncodingContainer {
    let writer: JSONWriter
    let place: JSONPlace

    var codingPath: [any CodingKey] { writer.output.codingPath(place) }
    var count: Int { writer.output.count(place) }

    func encodeNil() throws {
        try writer.output.beginElement(place)
        writer.output.text.append(plain: "null")
    }

    func encode(_ value: Int128) throws { try write(value) }
    func encode(_ value: UInt128) throws { try write(value) }
    func encode<Value: JSONScalar>(_ value: Value) throws { try write(value) }

    private func write(_ value: some JSONScalar) throws {
        try writer.check(value, .index(count), place)
        try writer.output.beginElement(place)
        value.append(to: &writer.output.text)
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        let mark = try writer.output.mark(place)
        let index = try writer.output.beginElement(place)
        try writer.write(value, .index(index), place, mark)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        JSONValueEncoder(writer: writer, place: writer.openElement(place)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONValueEncoder(writer: writer, place: writer.openElement(place)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { JSONValueEncoder(writer: writer, place: writer.openElement(place)) }
}

/// A value that stands in the place of another, such as the raw value of an enum.
struct JSONSingleContainer: SingleValueEncodingContainer {
    let writer: JSONWriter
    let place: JSONPlace

    var codingPath: [any CodingKey] { writer.output.codingPath(place) }

    func encodeNil() throws {
        try writer.output.beginSingle(place)
        writer.output.text.append(plain: "null")
    }

    func encode(_ value: Int128) throws { try write(value) }
    func encode(_ value: UInt128) throws { try write(value) }
    func encode<Value: JSONScalar>(_ value: Value) throws { try write(value) }

    private func write(_ value: some JSONScalar) throws {
        try writer.check(value, .none, place)
        try writer.output.beginSingle(place)
        value.append(to: &writer.output.text)
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        let mark = try writer.output.mark(place)
        try writer.output.beginSingle(place)
        try writer.write(value, .none, place, mark)
    }
}
