/// The value of a `Vary` field (RFC 9110 12.5.5).
package enum VaryField {
    /// The value with a field's name added, which is given as it is to be written. A value that has the name already, in
    /// whatever case, or is `*` stays as it is.
    package static func adding(_ name: StaticString, to value: String?) -> String {
        guard let value else { return "\(name)" }
        let (isEmpty, isNamed) = value.withOctets { octets in
            var list = TokenList(octets)
            var isEmpty = true
            while let element = list.next() {
                isEmpty = false
                if TokenList.equals(element, "*") || isName(element, name) { return (false, true) }
            }
            return (isEmpty, false)
        }
        if isNamed { return value }
        return isEmpty ? "\(name)" : "\(value), \(name)"
    }

    private static func isName(_ element: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard element.count == name.utf8CodeUnitCount else { return false }
        return element.indices.allSatisfy {
            CharacterClass.lowercased(element[$0]) == CharacterClass.lowercased(name.utf8Start[$0])
        }
    }
}
