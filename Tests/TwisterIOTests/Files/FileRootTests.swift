import FoundationEssentials
import Glibc
import Testing
import TwisterTestSupport

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

    @Test("BH-6: a file that the kernel has in its cache is opened without waiting")
    func cached() throws {
        let root = try FileRoot("/etc")
        _ = try root.open("passwd")
        #expect(try root.open("passwd", .cached).kind == .regular)
        let error = #expect(throws: IOError.self) { _ = try root.open("no-such-file-\(UUID().uuidString)", .cached) }
        #expect(error?.isNotCached == true || error?.fileProblem == .missing)
    }

    @Test("BH-6: a file that the kernel would have to look for is not opened without waiting")
    func notCached() throws {
        // The kernel asks procfs anew for each of these files.
        let root = try FileRoot("/proc/self/fdinfo")
        #expect(try root.open("0").kind == .regular)
        let error = #expect(throws: IOError.self) { _ = try root.open("0", .cached) }
        #expect(error?.isNotCached == true)
    }

    @Test(
        "BH-6: without openat2(2), opening does not depend on what the kernel has in its cache",
        arguments: [ENOSYS, EPERM])
    func withoutOpenat2(error: CInt) async throws {
        let kinds: [OpenFile.Kind] = try await withCheckedThrowingContinuation { continuation in
            do {
                // The filter stays with its thread.
                try onThread {
                    Seccomp.refuse(Seccomp.openat2, with: error)
                    continuation.resume(
                        with: Result {
                            let root = try FileRoot("/proc/self/fdinfo")
                            return [try root.open("0", .cached).kind, try root.open("0").kind]
                        })
                }
            } catch { continuation.resume(throwing: error) }
        }
        #expect(kinds == [.regular, .regular])
    }

    @Test("BH-6: bytes that are not in the page cache are seen, and loaded")
    func pageCache() throws {
        let path = FileManager.default.temporaryDirectory.path + "/twister-" + UUID().uuidString
        try Data(repeating: 7, count: 1 << 20).write(to: URL(filePath: path))
        defer { unlink(path) }
        let folder = FileManager.default.temporaryDirectory.path
        let file = try FileRoot(folder).open(String(path.split(separator: "/").last ?? ""))
        // What lies behind the end does not count.
        for range in [0..<1, 0..<(1 << 20), 0..<Int.max, (1 << 20)..<Int.max, 5..<5] { #expect(file.isCached(range)) }
        fsync(file.descriptor)
        posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        if file.isCached(500_000..<500_001) {
            print("FileRootTests: this file system keeps files in memory, cold files are not tested")
        }
        file.load(500_000..<500_001)
        #expect(file.isCached(500_000..<500_001))
        file.load(0..<Int.max)
        #expect(file.isCached(0..<Int.max))
    }
}
