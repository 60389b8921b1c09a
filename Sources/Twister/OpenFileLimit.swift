import Glibc

/// How many descriptors the process may have open: sockets, files that are being sent, logs.
enum OpenFileLimit {
    /// Raises the limit to the hard one (`ulimit -Hn`). The usual soft limit of 1,024 exists for programs that call `select`,
    /// and ten clients of HTTP/2 that do not take their files could hold all of these.
    static func raise() {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Refused only where the system's own limit (fs.nr_open) was lowered meanwhile: the process keeps what it has.
        setrlimit(kind, &limit)
    }
}
