import FoundationEssentials
import Glibc
import Testing

@testable import TwisterIO

@Suite("FileRoot")
struct FileRootTests {
    /// The two ways to open: openat2(2), and the one for kernels without it.
    private static let ways: [String] = ["openat2", "checked"]

    private func open(_ path: String, in root: borrowing FileRoot, _ way: String) throws(IOError) -> OpenFile {
        if way == "openat2" { try root.open(path) } else { try root.openAndCheck(path) }
    }

    @Test("BH-1: with and without openat2(2), only files beneath the root are opened", arguments: ways)
    func beneath(way: String) throws {
        let base = FileManager.default.temporaryDirectory.path + "/twister-" + UUID().uuidString
        let manager = FileManager.default
        try manager.createDirectory(atPath: base + "/root/dir", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: base + "/root-other", withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: base) }
        for name in ["/secret", "/root/file", "/root/dir/file", "/root-other/file"] {
            try Data("12345".utf8).write(to: URL(filePath: base + name))
        }
        try manager.createSymbolicLink(atPath: base + "/root/in", withDestinationPath: "dir/file")
        try manager.createSymbolicLink(atPath: base + "/root/out", withDestinationPath: "../secret")
        try manager.createSymbolicLink(atPath: base + "/root/beside", withDestinationPath: "../root-other/file")
        try manager.createSymbolicLink(atPath: base + "/root/circle", withDestinationPath: "circle")
        #expect(mkfifo(base + "/root/pipe", 0o600) == 0)

        let root = try FileRoot(base + "/root")
        for path in ["file", "dir/file", "in", "./file", "dir/../file"] {
            let file = try open(path, in: root, way)
            #expect(file.kind == .regular && file.size == 5, "\(path)")
        }
        #expect(try open("dir", in: root, way).kind == .directory)
        #expect(try open(".", in: root, way).kind == .directory)
        #expect(try open("pipe", in: root, way).kind == .other)
        let refused: [(path: String, problem: IOError.FileProblem)] = [
            ("out", .forbidden), ("beside", .forbidden), ("../secret", .forbidden), ("dir/../../secret", .forbidden),
            ("circle", .forbidden), ("none", .missing), ("file/x", .missing),
        ]
        for (path, problem) in refused {
            do throws(IOError) {
                _ = try open(path, in: root, way)
                Issue.record("\(path) was opened")
            } catch {
                #expect(error.fileProblem == problem, "\(path): \(error)")
            }
        }
    }

    @Test("a path that is not a directory is refused as a root")
    func noRoot() {
        #expect(throws: IOError.self) { _ = try FileRoot("/nowhere/at/all").open("x") }
        #expect(throws: IOError.self) { _ = try FileRoot("/etc/passwd").open("x") }
    }
}
