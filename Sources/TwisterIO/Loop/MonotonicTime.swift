import Glibc

/// The clock of loops, deadlines and reports: `CLOCK_MONOTONIC`, which never goes back and is the same for all processes.
enum MonotonicTime {
    /// In nanoseconds.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
