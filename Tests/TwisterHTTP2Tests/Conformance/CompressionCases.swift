import Testing

extension ConformanceCase {
    /// RFC 7541.
    static let compression: [ConformanceCase] = forms + table + strings

    /// GET, http, / and the authority "a", by indexes of the static table.
    private static let head: [UInt8] = [0x82, 0x86, 0x84, 0x01, 1, 97]

    private static func ok(_ name: String, _ field: [UInt8]) -> ConformanceCase {
        Self(name, .served) {
            try $0.headerBlock(1, head + field)
            #expect(try $0.response(1).text == "GET / ")
        }
    }

    private static func bad(_ name: String, _ field: [UInt8]) -> ConformanceCase {
        Self(name, compressionError) { try $0.headerBlock(1, head + field) }
    }

    private static let forms: [ConformanceCase] = [
        ok("6.1 an indexed field", [0x90]),
        ok("6.2.1 incremental indexing, indexed name", [0x58, 1, 97]),
        ok("6.2.1 incremental indexing, new name", [0x40, 1, 120, 1, 97]),
        ok("6.2.2 without indexing, indexed name", [0x0F, 0x09, 1, 97]),
        ok("6.2.2 without indexing, new name", [0x00, 1, 120, 1, 97]),
        ok("6.2.3 never indexed, indexed name", [0x1F, 0x09, 1, 97]),
        ok("6.2.3 never indexed, new name", [0x10, 1, 120, 1, 97]),
        ok("5.2 Huffman codes", [0x00, 0x81, 0xF3, 0x81, 0x1F]),
        ok("5.2 an empty value, with Huffman codes and without", [0x00, 1, 120, 0x80, 0x00, 1, 120, 0]),
        ok(
            "5.1 a number in more octets than it needs",
            [0, 1, 120, 0x7F, 0x80, 0] + [UInt8](repeating: 97, count: 127)),
        Self("4.2 the table's size is changed at the beginning, twice", .served) {
            try $0.headerBlock(1, [0x20, 0x3F, 0xE1, 0x1F] + head)
            #expect(try $0.response(1).text == "GET / ")
        },
        Self("2.3.2 an entry of the dynamic table", .served) {
            try $0.headerBlock(1, [0x82, 0x86, 0x44, 3] + Array("/ab".utf8) + [0x01, 1, 97])
            #expect(try $0.response(1).text == "GET /ab ")
            try $0.headerBlock(3, [0x82, 0x86, 0xBE, 0x01, 1, 97])
            #expect(try $0.response(3).text == "GET /ab ")
        },
        Self("4.4 an entry larger than the table empties it", .served) {
            try $0.headerBlock(1, head + [0x40, 1, 120, 0x7F, 0xA1, 0x1F] + [UInt8](repeating: 97, count: 4128))
            #expect(try $0.response(1).text == "GET / ")
        },
    ]

    private static let table: [ConformanceCase] = [
        bad("2.3.3 an index beyond the table", [0xBE]),
        bad("2.3.3 a name beyond the table", [0x7F, 0x20, 1, 97]),
        bad("2.3.3 an index far beyond the table", [0xFF, 0xFF, 0xFF, 0xFF, 0x07]),
        bad("6.1 index 0", [0x80]),
        bad("4.2 a change of the table's size behind a field", [0x20]),
        Self("6.3 the table's size is larger than SETTINGS_HEADER_TABLE_SIZE", compressionError) {
            try $0.headerBlock(1, [0x3F, 0xE2, 0x1F] + head)
        },
        Self("4.3 an entry that the table has lost", compressionError) {
            try $0.headerBlock(1, head + [0x40, 1, 120, 1, 97])
            #expect(try $0.response(1).text == "GET / ")
            try $0.headerBlock(3, [0x20] + head + [0xBE])
        },
        Self("a block that is empty", streamProtocolError) { try $0.headerBlock(1, []) },
    ]

    private static let strings: [ConformanceCase] = [
        bad("5.2 padding of more than 7 bits", [0x00, 1, 120, 0x82, 0x1F, 0xFF]),
        bad("5.2 padding of zeros", [0x00, 1, 120, 0x81, 0x18]),
        bad("5.2 EOS within a string", [0x00, 1, 120, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        bad("5.2 a string longer than its block", [0x00, 1, 120, 5, 97]),
        bad("5.2 a name longer than its block", [0x00, 9, 120]),
        bad("5.1 a number that does not end", [0x00, 1, 120, 0x7F, 0x80, 0x80, 0x80]),
        bad("5.1 a number that is too large", [0x00, 1, 120, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        bad("a field without its value", [0x00, 1, 120]),
        bad("a field without its name", [0x40]),
    ]
}
