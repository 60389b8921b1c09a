import FoundationEssentials
import Glibc
import Twister

/// The files that the twin serves, written when it starts.
struct Folder {
    let path: String
    var root: String { path + "/public" }
    var locale: String { path + "/locale" }

    /// 2024-01-02 03:04:05 UTC, the time of all files.
    private static let modified = 1_704_164_645

    /// Writes the files below `path`, replacing those that are there.
    init(_ path: String) throws {
        self.path = path
        for folder in ["", "/public", "/public/sub", "/public/nodefault", "/public-private", "/locale"] {
            guard mkdir(path + folder, 0o755) == 0 || errno == EEXIST else {
                throw Crash("cannot make \(path + folder)")
            }
        }
        for (name, content) in Self.files { try Self.write(content, to: "\(root)/\(name)") }
        let links = ["link-in.txt": "hello.txt", "link-out.txt": "../secret.txt", "link-dir": "../public-private"]
        for (name, target) in links { _ = symlink(target, "\(root)/\(name)") }
        _ = mkfifo("\(root)/pipe", 0o644)
    }

    private static func write(_ content: [UInt8], to path: String) throws {
        guard let file = fopen(path, "wb") else { throw Crash("cannot write \(path)") }
        let count = fwrite(content, 1, content.count, file)
        guard fclose(file) == 0, count == content.count else { throw Crash("cannot write \(path)") }
        let time = timespec(tv_sec: modified, tv_nsec: 0)
        utimensat(AT_FDCWD, path, [time, time], 0)
    }

    private static let texts = [
        "hello.txt": "Hello, static world!\n", "alphabet.txt": "abcdefghijklmnopqrstuvwxyz",
        "style.css": "body { color: #123; }\n", "app.js": "console.log('twin');\n",
        "page.json": "{\"static\": true}\n", "image.svg": "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n",
        "long.txt": String(repeating: "0123456789abcdef", count: 1024), "empty.txt": "", "noext": "no extension\n",
        ".hidden": "dotfile\n", "robots.txt": "User-agent: *\nDisallow: /private\n",
        "sub/index.html": "<h1>index of sub</h1>\n", "sub/page.html": "<p>page</p>\n",
        "nodefault/note.txt": "note\n", "with space.txt": "space\n", "grüße.txt": "umlaut\n", "a+b.txt": "plus\n",
        "percent%41.txt": "percent sign\n", "percentA.txt": "letter A\n",
        "../secret.txt": "TOP-SECRET outside the root\n",
        "../public-private/secret.txt": "TOP-SECRET outside the root\n",
        "../locale/de.csv":
            "Hello,Hallo\n%(n)d file,%(n)d Datei,singular\n%(n)d files,%(n)d Dateien,plural\n",
        "../locale/fr_FR.csv":
            "Hello,Bonjour\n%(n)d file,%(n)d fichier,singular\n%(n)d files,%(n)d fichiers,plural\n",
    ]

    private static var files: [String: [UInt8]] {
        var files = texts.mapValues { Array($0.utf8) }
        files["data.bin"] = [UInt8](0...255)
        files["big.bin"] = (0..<1 << 20).map { UInt8(($0 * 7 + $0 / 256) % 256) }
        // "archive\n", in gzip's format.
        files["archive.tar.gz"] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 44, 74, 206, 200, 44, 75, 229, 2, 0, 161, 37, 187, 203, 8, 0, 0, 0,
        ]
        return files
    }

    /// Makes a folder of its own for this process.
    static func temporary() throws -> Folder {
        var template = Array("/tmp/twin-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Crash("cannot make a temporary folder") }
        return try Folder(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    /// Removes a temporary folder, with everything in it.
    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// Seconds since 1970.
func secondsNow() -> Int64 { Int64(time(nil)) }
