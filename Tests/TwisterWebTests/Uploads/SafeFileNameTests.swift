import Testing

@testable import TwisterWeb

@Suite("Names and sizes of uploads")
struct SafeFileNameTests {
    @Test(
        "X-41: a client's name becomes one component of a path",
        arguments: [
            ("a.txt", "a.txt"), ("../../etc/passwd", "passwd"), (#"C:\fakepath\b c.txt"#, "b c.txt"), ("/", "file"),
            ("", "file"), ("..", "file"), (".", "file"), (".bashrc", "bashrc"), (" . .x. ", "x"), ("a/..", "file"),
            ("a\0b\r\n\u{7f}\u{85}\u{2028}c", "abc"), ("cod\u{202e}gnp.exe", "codgnp.exe"), ("\u{feff}.a", "a"),
            ("\u{20ac}\u{e4}.pdf", "\u{20ac}\u{e4}.pdf"), (#"..\..\x"#, "x"), ("a/b\\c", "c"),
        ])
    func names(name: String, expected: String) {
        #expect(safeFileName(name) == expected)
    }

    @Test("X-41: a long name is shortened, in linear time, and keeps its extension")
    func length() {
        let long = safeFileName(String(repeating: "\u{20ac}", count: 100_000) + ".jpeg")
        #expect(long.utf8.count <= 200 && long.utf8.count > 195 && long.hasSuffix("\u{20ac}.jpeg"))
        let noExtension = safeFileName("x." + String(repeating: "y", count: 1_000))
        #expect(noExtension == "x." + String(repeating: "y", count: 198))
        #expect(safeFileName(String(repeating: "a", count: 200)).utf8.count == 200)
    }

    @Test("N-33: numbers of bytes, their units and their texts")
    func bytes() {
        #expect(ByteCount.kibibytes(3).bytes == 3_072)
        #expect(ByteCount.mebibytes(10).bytes == 10_485_760)
        #expect(ByteCount.gibibytes(2).bytes == 2_147_483_648)
        #expect(ByteCount.gibibytes(.max).bytes == .max && ByteCount.kibibytes(-1) == 0 && ByteCount(bytes: -5) == 0)
        #expect(1_000 < ByteCount.kibibytes(1) && ByteCount.bytes(7).bytes == 7 && ByteCount.bytes(-1) == 0)
        let texts = [0, 1_023, 1_024, .mebibytes(10), .gibibytes(2), 1_536 as ByteCount].map(\.description)
        #expect(texts == ["0 bytes", "1023 bytes", "1 KiB", "10 MiB", "2 GiB", "1536 bytes"])
    }

    @Test("N-33: a client's name cannot break a line of the log")
    func errors() {
        let name = "a\r\n\u{e9}" + String(repeating: "x", count: 1_000)
        let text = FormError.notText(name: name).description
        #expect(text.utf8.allSatisfy { 0x20..<0x7F ~= $0 } && text.utf8.count < 300)
    }
}
