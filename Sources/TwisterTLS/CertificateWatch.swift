import Glibc
package import TwisterIO

/// Watches the files of certificates by inotify(7), on a thread of its own that sleeps until something happens.
///
/// Files are watched through their folders, because tools replace a file by renaming another one, or change the link that leads
/// to it (certbot, Kubernetes).
package final class CertificateWatch: Sendable {
    private let paths: [String]
    /// How often a folder is looked for that is missing or cannot be watched, in milliseconds.
    private let retryTime: CInt
    private let changed: @Sendable () -> Void
    /// Two connected sockets: the first becomes readable when the watch is to end.
    private let ending: (reading: CInt, writing: CInt)
    private let inotify: CInt

    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
        | UInt32(IN_ONLYDIR)
    /// How long nothing must happen before the new files are read, in milliseconds: certificate and key change one after the
    /// other.
    private static let quietTime: CInt = 500
    /// How many events may follow each other before the files are read in any case, however busy the folder is.
    private static let mostPieces = 20

    /// - Parameters:
    ///   - files: the states of the files before they were last read; the paths are absolute.
    ///   - retryInterval: how often a folder is looked for that is missing, or that the system does not watch. Default 5 s.
    ///   - changed: called on the watch's thread after one of the files has changed.
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

    // Runs only once the thread has ended, because the thread holds the watch.
    deinit {
        for descriptor in [inotify, ending.reading, ending.writing] where descriptor >= 0 { close(descriptor) }
    }

    /// Ends the watch. A call of `changed` that is under way goes on; no other one follows.
    package func end() {
        shutdown(ending.writing, CInt(SHUT_RDWR))
    }

    // MARK: On the thread

    private func run(_ first: FileStates) {
        var known = first
        while true {
            // The folders may be other ones than before: a folder may have been made again, or a link may lead elsewhere now.
            let areWatched = watchFolders()
            // A change that happened before the folders were watched caused no event.
            if FileStates(of: paths) == known, wait(areWatched ? -1 : retryTime) == .end { return }
            if waitForQuiet() == .end { return }
            let now = FileStates(of: paths)
            guard now != known else { continue }
            known = now
            changed()
        }
    }

    /// Waits until a change is complete, which may consist of several events.
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
