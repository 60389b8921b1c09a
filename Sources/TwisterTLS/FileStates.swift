import Glibc

/// The states of files at one time: a file whose state differs later was changed.
package struct FileStates: Sendable, Equatable {
    private struct State: Equatable {
        let device: UInt
        let number: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// The files, by absolute paths.
    package let paths: [String]
    /// Nil where there is no file.
    private let states: [State?]

    package init(of paths: [String]) {
        self.paths = paths
        states = paths.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            return State(
                device: UInt(status.st_dev), number: UInt(status.st_ino), size: Int(status.st_size),
                seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        }
    }

    /// The states of several lists of files, which may have been read at different times.
    package init(joining all: [FileStates]) {
        paths = all.flatMap(\.paths)
        states = all.flatMap(\.states)
    }
}
