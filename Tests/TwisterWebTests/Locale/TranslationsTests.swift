import FoundationEssentials
import Testing

@testable import TwisterWeb

@Suite("Translations")
struct TranslationsTests {
    private static let german = "Hello,Hallo\n%(n)d file,%(n)d Datei,singular\n%(n)d files,%(n)d Dateien,plural\n"

    private static func translations(_ files: [String: [UInt8]]) -> Translations {
        var translations = Translations()
        for (name, octets) in files.sorted(by: { $0.key < $1.key }) { translations.add(csv: octets, file: name) }
        return translations
    }

    private static func texts(_ files: [String: String]) -> Translations {
        translations(files.mapValues { Array($0.utf8) })
    }

    @Test("LO-4: messages with and without a number; placeholders filled by the caller", arguments: [0, 1, 2])
    func translate(count: Int) {
        let locale = Self.texts(["de.csv": Self.german]).get("de")
        #expect(locale.translate("Hello") == "Hallo")
        #expect(locale.translate("Bye") == "Bye")
        #expect(locale.pgettext("context", "Hello") == "Hallo")
        let files = locale.translate("%(n)d file", plural: "%(n)d files", count: count).formatted(["n": count])
        #expect(files == (count == 1 ? "1 Datei" : "\(count) Dateien"))
        let other = Translations().get("de").translate("%(n)d file", plural: "%(n)d files", count: count)
        #expect(other == (count == 1 ? "%(n)d file" : "%(n)d files"))
    }

    @Test("LO-4: a placeholder that is malformed or has no value stays")
    func placeholders() {
        let values: [String: any CustomStringConvertible] = ["n": 3, "name": "%(n)d"]
        for (text, want) in [
            ("%(n)d of %(name)s", "3 of %(n)d"), ("100%% of %(n)s", "100% of 3"), ("%(other)s", "%(other)s"),
            ("%(n)", "%(n)"),
            ("%(n)x", "%(n)x"), ("%(n", "%(n"), ("%", "%"), ("%%(n)d", "%(n)d"), ("%(%(n)d", "%(3"), ("", ""),
        ] {
            #expect(text.formatted(values) == want)
        }
        let many = String(repeating: "%(", count: 100_000)
        #expect(many.formatted(values) == many)
    }

    @Test("LO-1 LO-6: the first code that is supported, else the default")
    func closest() {
        let translations = Self.texts(["de.csv": "", "fr_FR.csv": "", "he.csv": ""])
        #expect(translations.supportedLocales == ["de", "fr_FR", "he", "en_US"])
        for (codes, want) in [
            (["xx", "de_CH"], "de"), (["FR-fr"], "fr_FR"), (["fr"], "en_US"), ([], "en_US"),
            (["", "zh-Hans-CN", "he"], "he"),
            (["_", "-", "__", "DE"], "de"),
        ] {
            #expect(translations.closest(to: codes).code == want)
        }
        #expect(Translations(defaultLocale: "pt_BR").get("xx").code == "pt_BR")
        #expect(translations.get("he").isRightToLeft)
        #expect(!translations.get("de").isRightToLeft)
    }

    @Test(
        "RH-38: the browser's languages, with what Tornado 6.6 chooses",
        arguments: [
            ("de", "de"),
            ("de-CH", "de"),
            ("fr", "en_US"),
            ("fr-FR", "fr_FR"),
            ("FR-fr", "fr_FR"),
            ("fr_fr", "fr_FR"),
            ("pt-BR, pt;q=0.5", "pt_BR"),
            ("pt-PT, de;q=0.9", "pt"),
            ("xx, de;q=0.1", "de"),
            ("*", "en_US"),
            ("", "en_US"),
            ("de;q=0", "en_US"),
            ("de;q=0, fr-FR;q=0.1", "fr_FR"),
            ("de;q=0.5, fr-FR;q=0.9", "fr_FR"),
            ("de;q=0.5, fr-FR;q=0.5", "de"),
            ("fr-FR;q=0.5, de;q=0.5", "fr_FR"),
            ("de;q=abc, fr-FR;q=0.1", "fr_FR"),
            ("de;q=-1", "en_US"),
            ("de;q=nan", "en_US"),
            ("de;q=inf, fr-FR", "de"),
            ("de;q=1e-1, fr-FR;q=0.2", "fr_FR"),
            ("de;level=1;q=0.1, fr-FR;q=0.5", "de"),
            ("zh-Hans-CN, de;q=0.2", "de"),
            ("de, , fr-FR", "de"),
            (",,", "en_US"),
            ("de;q= 0.3, fr-FR;q=0.2", "de"),
            ("de; q=0.3, fr-FR; q=0.9", "fr_FR"),
            ("DE", "de"),
            ("He-IL", "he"),
            ("en-GB, de;q=0.9", "en"),
            ("de;", "de"),
            ("de;q", "de"),
            ("de;q=", "en_US"),
            ("de;q=0x1, fr-FR;q=0.1", "fr_FR"),
            ("de;Q=0.1, fr-FR;q=0.5", "de"),
            ("\u{E9}, de;q=0.1", "de"),
            ("-, de;q=0.1", "de"),
            ("_DE,fr-FR;q=0.3", "fr_FR"),
            ("de-,fr-FR;q=0.3", "de"),
            ("a_b_c", "en_US"),
            ("de;q=2, fr-FR;q=3", "fr_FR"),
        ])
    func browser(field: String, want: String) {
        let translations = Self.texts(
            Dictionary(uniqueKeysWithValues: ["de", "fr_FR", "pt_BR", "pt", "he", "en"].map { ("\($0).csv", "") }))
        #expect(translations.browserLocale(acceptLanguage: field).code == want)
    }

    @Test("RH-38: no field, or none that is wanted: the fallback")
    func browserFallback() {
        let translations = Self.texts(["de.csv": ""])
        #expect(translations.browserLocale(acceptLanguage: nil, default: "de").code == "de")
        #expect(translations.browserLocale(acceptLanguage: "fr;q=0", default: "de").code == "de")
        #expect(translations.browserLocale(acceptLanguage: "fr", default: "de").code == "en_US")
        // RFC 9110 allows blanks before the semicolon, which Tornado takes for a part of the code.
        #expect(translations.browserLocale(acceptLanguage: "de ; q=0.5").code == "de")
    }

    @Test(
        "LO-2: UTF-8 with and without a byte order mark, UTF-16 of both orders; odd lengths and broken text are reported"
    )
    func encodings() {
        let text = "Hello,Grüße 👋\n"
        let big = Array(text.utf16).flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let little = Array(text.utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        for octets in [Array(text.utf8), [0xEF, 0xBB, 0xBF] + text.utf8, [0xFE, 0xFF] + big, [0xFF, 0xFE] + little] {
            let translations = Self.translations(["de.csv": octets])
            #expect(translations.get("de").translate("Hello") == "Grüße 👋")
            #expect(translations.problems.isEmpty)
        }
        for octets in [[0xFF, 0xFE, 0x41], [0xFE, 0xFF, 0xD8, 0x00], [0x41, 0xFF], [0x41, 0xC3]] as [[UInt8]] {
            #expect(Self.translations(["de.csv": octets]).problems.count == 1)
        }
    }

    @Test("LO-2: rows that cannot be used are reported with their line, the others count")
    func problems() {
        let translations = Self.texts([
            "de.csv": "Hello,Hallo\n\nlonely\n\"a\nb\",c\nx,y,many\n Bye , Ciao ,unknown\n", "deutsch-1.csv": "a,b\n",
            "fr.csv": "a,\"b\n",
        ])
        #expect(
            translations.problems.map(\.description) == [
                "de.csv:3: a translation is missing",
                "de.csv:6: the third column is neither singular, plural nor unknown: many",
                "deutsch-1.csv: the name is no locale such as de or de_CH", "fr.csv:1: a quote is not closed",
            ])
        let locale = translations.get("de")
        #expect(locale.translate("Hello") == "Hallo")
        #expect(locale.translate("Bye") == "Ciao")
        #expect(locale.translate("a\nb") == "c")
    }

    @Test("LO-2: no octets trap or stop the reader")
    func broken() {
        let octets = Array("a,\"b\"\"c\",singular\r\n\"x\ny\",z\n".utf8)
        for index in octets.indices {
            _ = Self.translations(["de.csv": Array(octets[..<index])])
            for bit in 0..<8 {
                var flipped = octets
                flipped[index] ^= 1 << bit
                _ = Self.translations(["de.csv": flipped])
            }
        }
    }

    @Test("LO-2: the CSV files of a folder; a folder that is missing is an error")
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "translations-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(Self.german.utf8).write(to: folder.appending(path: "de.csv"))
        try Data("no".utf8).write(to: folder.appending(path: "notes.txt"))
        let translations = try Translations(folder: folder.path)
        #expect(translations.supportedLocales == ["de", "en_US"])
        #expect(translations.problems.isEmpty)
        #expect(throws: (any Error).self) { try Translations(folder: folder.path + "/none") }
    }

    @Test(
        "LO-2: fields and lines as spreadsheets write them",
        arguments: [
            ("a,b\r\nc,\"d,\"\"e\"\"\"", [["a", "b"], ["c", "d,\"e\""]]), ("a,\n", [["a", ""]]),
            ("\n\na", [[], [], ["a"]]),
            ("a\"b,\"c\"d", [["a\"b", "cd"]]), ("", []), (",", [["", ""]]), ("a\rb", [["a"], ["b"]]),
        ])
    func csv(text: String, want: [[String]]) {
        var reader = CSVReader(text)
        var rows: [[String]] = []
        while let row = reader.next() { rows.append(row.fields) }
        #expect(rows == want)
    }
}
