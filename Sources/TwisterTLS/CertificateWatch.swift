import Glibc
package import TwisterIO

/// Watches the files of certificates by inotify(7), on a thread of its own that sleeps until something happens.
///
/// Files are watched through their folders, because tools replace a file by renaming another one, or change the link that leads
/// to it (certbot, Kubernetes).
package final class CertificateWatch: Sendable {
    private let paths: [String]
    /// In milliseconds.
    private let retryTime: CInt
    private let changed: @Sendable () -> Void
    /// Two connected sockets: the first becomes readable when the watch is to end.
    private let ending: (reading: CInt, writing: CInt)
    private let inotify: CInt

    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
        | UInt32(IN_ONLYDIR)
    /// The new files are read once nothing has happened for so long: certificate and key change one after the other.
    private static let quietTime: CInt = 500
    /// However busy the folder is, the files are looked at that often while something happens.
    private static let mostPieces = 20

    /// - Parameters:
    ///   - files: the files as they were before they were last read, by absolute paths.
    ///   - retryInterval: how often a folder is looked for that is missing, or that the system does not watch.
    ///   - changed: called on the watch's thread after one of them has changed.
    /// - Throws: `IOError` where the system has no more descriptors or threads.
    package init(
        _ files: FileStates, retryInterval: Duration = .seconds(5), changed: @escaping @Sendable () -> Void
    ) throws(IOError) {
        paths = files.paths
        retryTime = CInt(clamping: max(retryInterval.nanosecondsClamped / 1_000_000, 1))
        self.changed = changed
        inotify = inotify_init1(CInt(O_CLOEXEC | O_NONBLOCK))
        guard inotify >= 0 else { throw IOError(errno: errno, "watch the certificates") }
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let result = socketpair(AF_UNIX, type, 0, &ends)
        ending = (ends[0], ends[1])
        guard result == 0 else { throw IOError(errno: errno, "watch the certificates") }
        try BackgroundTimer.call(after: .zero) { [self] in run(files) }
    }

    // The thread keeps the watch until it ends.
    deinit {
        for descriptor in [inotify, ending.reading, ending.writing] where descriptor >= 0 { close(descriptor) }
    }

    /// Ends the watch. Nothing is called after it but what is under way.
    package func end() {
        shutdown(ending.writing, CInt(SHUT_RDWR))
    }

    // MARK: On the thread

    private func run(_ first: FileStates) {
        var known = first
        while true {
            // The folders are other ones where one was made again, or a link leads elsewhere.
            let areWatched = watchFolders()
            // A change from before the folders were watched has no event.
            if FileStates(of: paths) == known, wait(areWatched ? -1 : retryTime) == .end { return }
            if waitForQuiet() == .end { return }
            let now = FileStates(of: paths)
            guard now != known else { continue }
            known = now
            changed()
        }
    }

    /// Waits for what belongs together.
    private func waitForQuiet() -> Waited {
        for _ in 0..<Self.mostPieces {
            drain()
            let waited = wait(Self.quietTime)
            if waited != .event { return waited }
        }
        return .event
    }

    private enum Waited { case event, nothing, end }

    private func wait(_ milliseconds: CInt) -> Waited {
        var descriptors = [
            pollfd(fd: inotify, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ending.reading, events: Int16(POLLIN), revents: 0),
        ]
        let count = poll(&descriptors, 2, milliseconds)
        if descriptors[1].revents != 0 { return .end }
        if count < 0 { return errno == EINTR ? .nothing : .end }
        return count > 0 ? .event : .nothing
    }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(inotify, &buffer, buffer.count) > 0 {}
    }

    // MARK: Files

    /// Watches the folders of the files, and of what links lead to. Returns false where one of them cannot be watched, for
    /// example because it is missing.
    private func watchFolders() -> Bool {
        var areWatched = true
        for path in paths {
            var places = [path]
            if let resolved = realpath(path, nil) {
                places.append(String(cString: resolved))
                free(resolved)
            } else {
                areWatched = false
            }
            for place in places {
                let folder = place.lastIndex(of: "/").map { $0 == place.startIndex ? "/" : String(place[..<$0]) } ?? "."
                if inotify_add_watch(inotify, folder, Self.mask) < 0 { areWatched = false }
            }
        }
        return areWatched
    }
}
