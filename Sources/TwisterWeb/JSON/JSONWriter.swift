import FoundationEssentials

/// Writes the values of one JSON text. All containers of the text share it.
final class JSONWriter {
    // Code of the application never runs during an access. To check each access would cost 1,900 of 7,000 instructions for
    // an object with one member.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var output = JSONOutput()

    /// Writes a whole text.
    ///
    /// - Throws: `EncodingError`, what `value` throws, and `JSONOutput.Obstacle`.
    func write<Value: Encodable>(_ value: Value) throws {
        if try writeFoundation(value, .none) { return }
        let place = try output.open(.none)
        try value.encode(to: JSONValueEncoder(writer: self, place: place, type: Value.self))
        if try output.close(place) == .undecided {
            throw EncodingError.invalidValue(
                value, .init(codingPath: [], debugDescription: "The value \(Value.self) did not encode anything."))
        }
    }

    /// Writes a value in the one at `place`, where it has begun, or forgets that it has.
    func write<Value: Encodable>(
        _ value: Value, _ key: JSONPathKey, _ place: JSONPlace, _ mark: JSONOutput.Mark
    ) throws {
        do {
            if try writeFoundation(value, key) { return }
            let inner = try output.open(key)
            try value.encode(to: JSONValueEncoder(writer: self, place: inner, type: Value.self))
            try output.close(inner)
        } catch {
            output.restore(mark, place)
            throw error
        }
    }

    /// Writes a value of those types of Foundation that JSON has a form of its own for, as `JSONEncoder` does. Returns
    /// false for values of other types.
    private func writeFoundation<Value: Encodable>(_ value: Value, _ key: JSONPathKey) throws -> Bool {
        if Value.self == Date.self, let date = value as? Date {
            output.text.append(string: date.formatted(.iso8601))
        } else if Value.self == Data.self, let data = value as? Data {
            output.text.append(string: data.base64EncodedString())
        } else if Value.self == URL.self, let url = value as? URL {
            output.text.append(string: url.absoluteString)
        } else if Value.self == Decimal.self, let number = value as? Decimal {
            guard number.isFinite else { throw refusal(of: number, output.codingPath(of: key)) }
            output.text.append(plain: number.description)
        } else {
            return false
        }
        return true
    }

    // MARK: Containers

    // Containers are made by functions that cannot throw. Where that fails, their place is closed, and the output has noted
    // the reason.

    /// The same place, where the value is an object or an array now.
    func begin(_ kind: JSONKind, _ order: JSONOrder, _ place: JSONPlace) -> JSONPlace {
        do {
            try output.begin(kind, order, place)
            return place
        } catch {
            return .closed
        }
    }

    /// Opens the value of a member of the object at `place`.
    func openMember(_ key: any CodingKey, _ place: JSONPlace) -> JSONPlace {
        do {
            try output.beginMember(key.stringValue, place)
            return try output.open(.name(key))
        } catch {
            return .closed
        }
    }

    /// Opens an element of the array at `place`.
    func openElement(_ place: JSONPlace) -> JSONPlace {
        do {
            return try output.open(.index(try output.beginElement(place)))
        } catch {
            return .closed
        }
    }

    // MARK: Numbers

    /// Throws where JSON does not have a value.
    func check(_ value: some JSONScalar, _ key: @autoclosure () -> JSONPathKey, _ place: JSONPlace) throws {
        if !value.isInJSON { throw refusal(of: value, output.codingPath(place) + key().codingKeys) }
    }

    private func refusal(of number: Any, _ path: [any CodingKey]) -> EncodingError {
        .invalidValue(number, .init(codingPath: path, debugDescription: "JSON has no number \(number)."))
    }
}
