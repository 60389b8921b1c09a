import Glibc
import Synchronization

/// A new folder that only this user can read, for files such as uploads. It is removed with all that is in it by `remove`, or
/// with the last reference to it. A process that is killed leaves it behind. May be used from any thread.
///
/// Making and removing it blocks, for microseconds while few files are in it.
public final class TemporaryFolder: Sendable {
    /// Where the folder is.
    public let path: String
    private let isRemoved = Atomic(false)
    private let names = Atomic(0)

    /// - Parameter parent: the folder that it is made in; nil: the one that the environment variable `TMPDIR` names, else
    ///   `/tmp`.
    /// - Throws: `IOError`.
    public init(in parent: String? = nil) throws(IOError) {
        let variable = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let parent = parent ?? (variable.isEmpty ? "/tmp" : variable)
        var template = Array("\(parent)/twister-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw IOError(errno: errno, "mkdtemp in \(parent)") }
        path = template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    deinit { remove() }

    /// Removes the folder and all that is in it. Idempotent.
    public func remove() {
        if isRemoved.exchange(true, ordering: .relaxed) { return }
        Self.removeAll(path)
    }

    /// Removes a file, or a folder with its entries. Symbolic links are removed, not followed.
    private static func removeAll(_ path: String) {
        guard unlink(path) != 0, errno == EISDIR, let folder = opendir(path) else { return }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        closedir(folder)
        for name in names { removeAll("\(path)/\(name)") }
        rmdir(path)
    }

    /// A path in this folder that was not returned before.
    package func newPath() -> String {
        "\(path)/\(names.wrappingAdd(1, ordering: .relaxed).newValue)"
    }
}
