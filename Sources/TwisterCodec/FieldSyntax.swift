/// The syntax of field names and values in text that an application sets (RFC 9110 5.1, 5.5).
enum FieldSyntax {
    static func isName(_ name: String) -> Bool {
        name.withOctets(TokenList.isToken)
    }

    /// No control character but HTAB. White space around a value is no part of it and therefore refused by nobody: the
    /// receiver takes it away.
    static func isValue(_ value: String) -> Bool { value.withOctets { ByteScanner.isFieldText($0) } }

    /// Whether `octets` begin with that name, letters compared without regard to case.
    static func begin(_ octets: UnsafeRawBufferPointer, with name: UnsafeRawBufferPointer) -> Bool {
        guard octets.count >= name.count else { return false }
        for index in 0..<name.count
        where CharacterClass.lowercased(octets[index]) != CharacterClass.lowercased(name[index]) {
            return false
        }
        return true
    }
}
