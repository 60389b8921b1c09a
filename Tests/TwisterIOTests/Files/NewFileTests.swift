import FoundationEssentials
import Glibc
import Testing

@testable import TwisterIO

@Suite("Files that are written")
struct NewFileTests {
    /// `Data(contentsOf:)` leaks memory where a file is empty, which the address sanitizer reports.
    private func content(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func names(_ folder: TwisterIO.TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test("X-41: a temporary folder is private, lies in TMPDIR or the given one, and goes with all that is in it")
    func folder() throws {
        let outer = try TwisterIO.TemporaryFolder()
        var info = stat()
        #expect(stat(outer.path, &info) == 0 && info.st_mode & 0o777 == 0o700)
        let path: String
        do {
            let inner = try TwisterIO.TemporaryFolder(in: outer.path)
            path = inner.path
            #expect(path.hasPrefix(outer.path + "/"))
            #expect(Set((0..<10).map { _ in inner.newPath() }).count == 10)
            #expect(mkdir(path + "/deep", 0o700) == 0 && mkdir(path + "/deep/er", 0o700) == 0)
            try NewFile(path + "/deep/file").commit()
            try NewFile(outer.path + "/outside").commit()
            #expect(symlink(outer.path, path + "/deep/er/link") == 0)
        }
        #expect(try names(outer) == ["outside"])
        outer.remove()
        outer.remove()
        #expect(stat(outer.path, &info) != 0)
        #expect(throws: IOError.self) { _ = try TwisterIO.TemporaryFolder(in: "/nowhere/at/all") }
    }

    @Test(
        "X-41: a new file stays only if it is committed, and replaces another one only then", arguments: [false, true])
    func commit(overwriting: Bool) throws {
        let folder = try TwisterIO.TemporaryFolder()
        let path = folder.path + "/a"
        do { try NewFile(path, overwriting: overwriting).write([1]) }
        #expect(try names(folder).isEmpty)
        let file = try NewFile(path, overwriting: overwriting)
        try file.write(Array("one".utf8))
        try file.write([])
        try file.write(Array("two".utf8))
        try file.commit()
        file.discard()
        #expect(throws: IOError.self) { try file.write([1]) }
        #expect(throws: IOError.self) { try file.commit() }
        #expect(content(path) == "onetwo")
        if overwriting {
            let other = try NewFile(path, overwriting: true)
            try other.write(Array("three".utf8))
            #expect(content(path) == "onetwo")
            try other.commit()
            #expect(content(path) == "three")
        } else {
            #expect(throws: IOError.self) { _ = try NewFile(path) }
            #expect(symlink(path, path + "-link") == 0)
            #expect(throws: IOError.self) { _ = try NewFile(path + "-link") }
            var info = stat()
            #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        }
        #expect(throws: IOError.self) { _ = try NewFile(folder.path + "/none/a", overwriting: overwriting) }
    }

    @Test("X-41: a file is moved, within a file system and by a copy", arguments: [false, true])
    func move(copies: Bool) throws {
        let folder = try TwisterIO.TemporaryFolder()
        let text = String(repeating: "0123456789abcdef", count: 40_000)
        let (source, target) = (folder.path + "/a", folder.path + "/b")
        let move = { (overwriting: Bool) throws(IOError) in
            if copies {
                try copyFile(source, to: target, overwriting: overwriting)
            } else {
                try moveFile(source, to: target, overwriting: overwriting)
            }
        }
        for overwriting in [false, true] {
            let file = try NewFile(source)
            try file.write(Array(text.utf8))
            try file.commit()
            try move(overwriting)
            #expect(content(target) == text)
            #expect(try names(folder) == ["b"])
        }
        try NewFile(source).commit()
        #expect(throws: IOError.self) { try move(false) }
        #expect(content(target) == text && content(source) == "")
        removeFile(source)
        #expect(throws: IOError.self) { try move(true) }
        #expect(try names(folder) == ["b"])
    }
}
