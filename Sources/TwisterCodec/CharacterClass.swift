/// The sets of octets that the syntax of HTTP and URIs names, as one bit each.
///
/// The table is the text of a string literal. It is a part of the binary, so that no access has to check whether it is
/// initialised, and a look-up is one load. Each of its 256 characters is "@" plus the bits of the octet with that number.
enum CharacterClass {
    /// RFC 9110 5.6.2 `tchar`: methods and field names.
    static var token: UInt8 { 1 }
    /// Every visible ASCII character but "#" and "?". Browsers, curl and others send most of them as they are in a path, also
    /// those that RFC 3986 wants percent-encoded.
    static var path: UInt8 { 2 }
    /// Every visible ASCII character but "#".
    static var query: UInt8 { 4 }
    /// RFC 3986 `unreserved` and `sub-delims` without the comma, which would separate two hosts in one field.
    static var registeredName: UInt8 { 8 }

    @inline(__always)
    static func contains(_ byte: UInt8, _ classes: UInt8) -> Bool {
        table.utf8Start[Int(byte)] & classes != 0
    }

    private static var table: StaticString {
        """
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
        @OFAOGOONNOOFOOFOOOOOOOOOOFNFNFD\
        FOOOOOOOOOOOOOOOOOOOOOOOOOOFFFGO\
        GOOOOOOOOOOOOOOOOOOOOOOOOOOFGFO@\
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
        """
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// Whether the octet is SP or HTAB, the characters of optional white space (RFC 9110 5.6.3).
    @inline(__always)
    static func isWhitespace(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.horizontalTab }

    /// The value of a hexadecimal digit, nil for any other octet.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The octet, with an ASCII letter in lower case.
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
