public import HTTPTypes

extension HeadFields {
    /// The number of field lines.
    @inlinable
    package final var fieldCount: Int { Int(record.state.fieldCount) }

    /// The field's value. Several lines of one name are joined by ", " (RFC 9110 5.3), those of Cookie by "; "
    /// (RFC 6265 5.4).
    package final subscript(name: HTTPField.Name) -> String? {
        guard let first = firstField(named: name) else { return nil }
        guard var next = firstField(named: name, from: first + 1) else { return fieldValue(at: first) }
        let separator = name == .cookie ? "; " : ", "
        var combined = fieldValue(at: first)
        while true {
            combined += separator
            combined += fieldValue(at: next)
            guard let another = firstField(named: name, from: next + 1) else { return combined }
            next = another
        }
    }

    /// The values of all lines of that name, in the order in which they arrived.
    package final func values(for name: HTTPField.Name) -> [String] {
        var values: [String] = []
        var from = 0
        while let index = firstField(named: name, from: from) {
            values.append(fieldValue(at: index))
            from = index + 1
        }
        return values
    }

    package final func contains(_ name: HTTPField.Name) -> Bool {
        firstField(named: name) != nil
    }

    /// Whether there are several lines of that name.
    package final func isRepeated(_ name: HTTPField.Name) -> Bool {
        guard let first = firstField(named: name) else { return false }
        return firstField(named: name, from: first + 1) != nil
    }

    /// Calls `body` with the value of the first line of that name. Returns nil where there is none. Nothing is allocated.
    @inlinable
    package final func firstValueBytes<Result>(
        for name: HTTPField.Name, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        guard let index = firstField(named: name) else { return nil }
        return try withOctets(slots[index].value, body)
    }

    /// Calls `body` with the octets of each field line, in the order of arrival. Nothing is allocated.
    package final func forEachBytes(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        try withExtendedLifetime(self) {
            for index in 0..<fieldCount { try body(octets(slots[index].name), octets(slots[index].value)) }
        }
    }

    /// The name of a field line as it was sent. The index is below `fieldCount`.
    package final func fieldName(at index: Int) -> String { string(slot(index).name) }

    /// The value of a field line. The index is below `fieldCount`.
    package final func fieldValue(at index: Int) -> String { string(slot(index).value) }

    /// All fields in HTTPTypes' own container: a copy.
    package final var httpFields: HTTPFields {
        var fields = HTTPFields()
        fields.reserveCapacity(fieldCount)
        for index in 0..<fieldCount {
            guard let name = HTTPField.Name(fieldName(at: index)) else { continue }
            fields.append(HTTPField(name: name, value: fieldValue(at: index)))
        }
        return fields
    }

    private final func slot(_ index: Int) -> FieldSlot {
        precondition(index >= 0 && index < fieldCount, "no such field")
        return slots[index]
    }

    /// The index of the first field line of that name at or after `start`.
    @usableFromInline
    package final func firstField(named name: HTTPField.Name, from start: Int = 0) -> Int? {
        var canonical = name.canonicalName
        return canonical.withUTF8 { firstField(lowercased: $0, from: start) }
    }

    private final func firstField(lowercased wanted: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = record.bytes.baseAddress, let first = wanted.first else { return nil }
        var index = start
        let count = fieldCount
        while index < count {
            let name = slots[index].name
            if Int(name.count) == wanted.count {
                let octets = base + Int(name.start)
                if CharacterClass.lowercased(octets.load(as: UInt8.self)) == first,
                    Self.equals(octets, wanted)
                {
                    return index
                }
            }
            index &+= 1
        }
        return nil
    }

    private static func equals(_ octets: UnsafeMutableRawPointer, _ lowercased: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in 0..<lowercased.count
        where CharacterClass.lowercased(octets.load(fromByteOffset: index, as: UInt8.self)) != lowercased[index] {
            return false
        }
        return true
    }

    /// Whether a Connection field lists that option, which is in lower case.
    package final func connectionContains(_ option: StaticString) -> Bool {
        anyValue(facts.connection, named: "connection") { TokenList.contains($0, option) }
    }

    /// Whether `body` returns true for one of the lines of a field that was noted while the head was read.
    final func anyValue(
        _ occurrence: FieldOccurrence, named name: StaticString, _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        guard occurrence.isPresent else { return false }
        return withExtendedLifetime(self) {
            if body(octets(slots[Int(occurrence.first)].value)) { return true }
            var remaining = occurrence.count - 1
            var index = Int(occurrence.first) + 1
            while remaining > 0, index < fieldCount {
                if TokenList.equals(octets(slots[index].name), name) {
                    if body(octets(slots[index].value)) { return true }
                    remaining -= 1
                }
                index += 1
            }
            return false
        }
    }
}
