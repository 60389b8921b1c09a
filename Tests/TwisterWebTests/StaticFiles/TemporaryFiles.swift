import FoundationEssentials
import Glibc
import TwisterTestSupport

/// A directory `root` with files for one test, and others outside of it that must not be served; removed with the last reference.
final class TemporaryFiles: Sendable {
    let base: String
    var root: String { base + "/root" }

    init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
        base = parent + "/twister-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: base + "/root", withIntermediateDirectories: true)
        try write("secret", at: "../secret.txt")
    }

    deinit { try? FileManager.default.removeItem(atPath: base) }

    func path(_ name: String) -> String { root + "/" + name }

    /// Writes a file, its directories included; `modified` in seconds since 1970.
    func write(_ text: String, at name: String, modified: Int? = nil) throws {
        try write(Array(text.utf8), at: name)
        if let modified { setTime(of: name, modified) }
    }

    func write(_ bytes: [UInt8], at name: String) throws {
        let directory = path(name).split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try FileManager.default.createDirectory(
            atPath: directory.joined(separator: "/"), withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: path(name)))
    }

    func setTime(of name: String, _ seconds: Int) {
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        let result = utimensat(AT_FDCWD, path(name), [time, time], 0)
        precondition(result == 0, "utimensat")
    }

    /// Cuts a file, or makes it longer without a byte on the disk.
    func truncate(_ name: String, to size: Int) throws {
        guard Glibc.truncate(path(name), size) == 0 else { throw TestFailure("truncate \(name): errno \(errno)") }
    }

    /// Waits until none of its files is open any more, ten seconds at most.
    func allClosed() async throws -> Bool {
        for _ in 0..<1000 where openCount > 0 { try await Task.sleep(for: .milliseconds(10)) }
        return openCount == 0
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
    }

    /// How many descriptors of this process are files beneath the base.
    var openCount: Int {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.count { number in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
            return target?.hasPrefix(base) ?? false
        }
    }
}
