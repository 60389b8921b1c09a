import Glibc
import TwisterIO

/// Watches folders, with all that is in them, and files, by inotify(7).
///
/// Editors replace a file by renaming another one, so files are watched through their folder. Hidden files and folders
/// (`.build`, `.git`), and the copies that editors make (`name~`, `#name#`, Vim's `4913`), don't count.
final class SourceWatcher {
    private let loop: IOLoop
    private let changed: (_ path: String) -> Void
    private let descriptor: CInt
    private var folders: [CInt: Folder] = [:]

    private struct Folder {
        let path: String
        /// The names that count; nil: all, and folders are watched, too.
        var names: Set<String>?
    }

    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
        | UInt32(IN_ONLYDIR)

    /// - Parameter changed: is called with a path for each change, on the loop's thread.
    /// - Throws: `IOError` where the system has no more watchers.
    init(_ loop: IOLoop, changed: @escaping (_ path: String) -> Void) throws(IOError) {
        self.loop = loop
        self.changed = changed
        descriptor = inotify_init1(CInt(O_CLOEXEC | O_NONBLOCK))
        guard descriptor >= 0 else { throw IOError(errno: errno, "watch the sources") }
        try loop.addHandler(descriptor, .read) { [unowned self] _, _ in readEvents() }
    }

    deinit {
        loop.removeHandler(descriptor)
        close(descriptor)
    }

    /// - Throws: `IOError` where there is no such file or folder.
    func watch(_ path: String) throws(IOError) {
        switch Self.kind(of: path) {
        case .folder: try watchFolder(path, isNew: false)
        case .file:
            let slash = path.lastIndex(of: "/")
            let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
            let watch = inotify_add_watch(descriptor, folder, Self.mask)
            guard watch >= 0 else { throw IOError(errno: errno, "watch \(folder)") }
            if let known = folders[watch] {
                // A folder that is watched as a whole goes on to be.
                if let names = known.names { folders[watch]?.names = names.union([name]) }
            } else {
                folders[watch] = Folder(path: folder, names: [name])
            }
        case .none: throw IOError(errno: ENOENT, "watch \(path)")
        }
    }

    private enum Kind { case file, folder }

    /// Links to folders are not followed: they may lead in a circle.
    private static func kind(of path: String) -> Kind? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
    }

    /// Watches a folder and those in it.
    ///
    /// - Parameter isNew: it was made just now, so that what is in it is a change.
    private func watchFolder(_ path: String, isNew: Bool) throws(IOError) {
        let watch = inotify_add_watch(descriptor, path, Self.mask)
        guard watch >= 0 else {
            // One that was removed meanwhile is no error, unlike a lack of watches (fs.inotify.max_user_watches).
            if errno == ENOENT || errno == ENOTDIR { return }
            throw IOError(errno: errno, "watch \(path)")
        }
        folders[watch] = Folder(path: path, names: nil)
        for name in Self.entries(of: path) where !Self.isIgnored(name) {
            let entry = "\(path)/\(name)"
            switch Self.kind(of: entry) {
            case .folder: try watchFolder(entry, isNew: isNew)
            case .file: if isNew { changed(entry) }
            case .none: break
            }
        }
    }

    private static func entries(of path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
                })
        }
        return names
    }

    static func isIgnored(_ name: String) -> Bool {
        name.hasPrefix(".") || name.hasSuffix("~") || (name.hasPrefix("#") && name.hasSuffix("#")) || name == "4913"
    }

    // MARK: Events

    private func readEvents() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                let head = 16
                while offset + head <= count {
                    let watch = bytes.loadUnaligned(fromByteOffset: offset, as: CInt.self)
                    let mask = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                    let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                    let end = min(offset + head + length, count)
                    // The name is filled up with zeros.
                    let name = bytes[(offset + head)..<end].prefix { $0 != 0 }
                    handle(watch, mask, String(decoding: name, as: UTF8.self))
                    offset = end
                }
            }
        }
    }

    private func handle(_ watch: CInt, _ mask: UInt32, _ name: String) {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { return rescan() }
        guard let folder = folders[watch] else { return }
        if mask & UInt32(IN_IGNORED) != 0 {
            folders[watch] = nil
            return
        }
        if let names = folder.names {
            if names.contains(name) { changed("\(folder.path)/\(name)") }
            return
        }
        guard !name.isEmpty, !Self.isIgnored(name) else { return }
        let path = "\(folder.path)/\(name)"
        if mask & UInt32(IN_ISDIR) == 0 { return changed(path) }
        if mask & (UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)) != 0 { watchNew(path) }
        if mask & (UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE)) != 0 { changed(path) }
    }

    private func watchNew(_ path: String) {
        do throws(IOError) {
            try watchFolder(path, isNew: true)
        } catch {
            Status.say(.bad, "\(error)")
        }
    }

    /// Events were lost: there may be new folders, and anything may have changed.
    private func rescan() {
        for folder in folders.values where folder.names == nil { watchNew(folder.path) }
    }
}
