/// The syntax of field names and values in text that an application sets (RFC 9110 5.1, 5.5).
enum FieldSyntax {
    static func isName(_ name: String) -> Bool {
        withOctets(name, TokenList.isToken)
    }

    /// No control character but HTAB. White space around a value is no part of it and therefore refused by nobody: the
    /// receiver takes it away.
    static func isValue(_ value: String) -> Bool {
        withOctets(value) { octets in
            guard let base = octets.baseAddress else { return true }
            return ByteScanner.endOfFieldText(base, from: 0, to: octets.count) == octets.count
        }
    }

    /// Whether `octets` begin with that name, letters compared without regard to case.
    static func begin(_ octets: UnsafeRawBufferPointer, with name: UnsafeRawBufferPointer) -> Bool {
        guard octets.count >= name.count else { return false }
        for index in 0..<name.count
        where CharacterClass.lowercased(octets[index]) != CharacterClass.lowercased(name[index]) {
            return false
        }
        return true
    }

    /// The UTF-8 octets of a text: without a copy for every string that Swift made itself.
    @inline(__always)
    static func withOctets<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let result = text.utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) {
            return result
        }
        var native = text
        return native.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
