import Glibc

/// When a log file is set aside and a new one is begun.
///
/// Old files are named after the file with a number behind it: `app.log.1` is the newest, `app.log.2` the one before it.
/// Several processes may write to one file: the first one that finds it due sets it aside, and the others follow.
///
/// Tornado: the options `log_rotate_mode`, `log_file_max_size`, `log_rotate_when`, `log_rotate_interval` and
/// `log_file_num_backups`.
public struct LogRotation: Sendable, Hashable {
    /// When a file has to be set aside.
    public enum Trigger: Sendable, Hashable {
        /// The next line would make the file larger than this many bytes.
        case size(Int)
        /// This much time has passed since the file was begun.
        case every(Duration)
        /// A new day has begun, in local time.
        case midnight
        /// Never. Another program, such as logrotate, may rename the file and have it reopened (`Log.reopen`).
        case never
    }

    /// When a file has to be set aside. Default: at 100,000,000 bytes.
    public var trigger: Trigger
    /// How many old files are kept; 0: the file is never set aside, as in Tornado. Default 10.
    public var backups: Int

    public init(_ trigger: Trigger = .size(100_000_000), backups: Int = 10) {
        self.trigger = trigger
        self.backups = backups
    }

    /// The largest size of a file, in bytes; nil: any.
    var largestSize: Int? {
        guard backups > 0, case .size(let size) = trigger, size > 0 else { return nil }
        return size
    }

    /// When a file that was begun at `start` is due, in seconds since 1970; nil: at no time.
    func dueTime(from start: Int) -> Int? {
        guard backups > 0 else { return nil }
        switch trigger {
        case .size, .never: return nil
        case .every(let duration): return start + max(1, Int(clamping: duration.components.seconds))
        case .midnight:
            var seconds = time_t(start)
            var date = tm()
            localtime_r(&seconds, &date)
            date.tm_mday += 1
            date.tm_hour = 0
            date.tm_min = 0
            date.tm_sec = 0
            // The next day may have another offset from UTC than this one.
            date.tm_isdst = -1
            return mktime(&date)
        }
    }
}
