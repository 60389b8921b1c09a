import Glibc

/// The process's memory.
enum Memory {
    /// What is resident now, in bytes; 0 where the kernel does not tell.
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

/// The process's open files: each customer needs one at either end.
enum Descriptors {
    private static let spare = 200

    /// Raises the limit for so many customers, as far as it may; answers for how many it suffices.
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
