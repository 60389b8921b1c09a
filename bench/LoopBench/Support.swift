import Glibc

/// Nanoseconds of the monotonic clock.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Nanoseconds of processor time that this thread has used.
func threadTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A value that only one thread uses at a time.
final class Shared<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// Starts a detached thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Shared(body))
    let result = pthread_create(
        &thread, nil,
        { argument in
            if let argument {
                Unmanaged<Shared<@Sendable () -> Void>>.fromOpaque(argument).takeRetainedValue().value()
            }
            return nil
        }, argument.toOpaque())
    precondition(result == 0, "pthread_create: \(result)")
    pthread_detach(thread)
}

enum Memory {
    /// Bytes of this process that are in memory now.
    static var resident: Int {
        let fd = open("/proc/self/statm", O_RDONLY)
        guard fd >= 0 else { return 0 }
        defer { close(fd) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(fd, &text, text.count)
        let fields = String(decoding: text[..<max(count, 0)], as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
    }
}
