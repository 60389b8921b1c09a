import Glibc

/// The process's memory.
enum Memory {
    /// The resident memory in bytes; 0 if the kernel does not report it.
    static var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [UInt8](repeating: 0, count: 128)
        let count = fread(&line, 1, line.count, file)
        let fields = line[..<count].split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * sysconf(CInt(_SC_PAGESIZE))
    }
}

/// The process's open files: each customer needs one at each end of its connection.
enum Descriptors {
    private static let spare = 200

    /// Raises the limit of open files for `customers`, as far as the hard limit allows. Returns for how many it is enough.
    static func raise(for customers: Int) -> Int {
        let wanted = rlim_t(2 * customers + spare)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        let possible = max(1, (Int(clamping: limit.rlim_cur) - spare) / 2)
        if possible < customers { print("the limit of open files (ulimit -n) allows \(possible) customers") }
        return min(customers, possible)
    }
}

/// Blocks the calling thread for `duration`, which a handler must not do.
func block(_ duration: Duration) {
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let (seconds, attoseconds) = duration.components
    let nanoseconds = end.tv_nsec + Int(attoseconds / 1_000_000_000)
    end.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nil) == EINTR {}
}
