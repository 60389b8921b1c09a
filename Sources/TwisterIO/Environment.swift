import Glibc
import Logging

/// What the environment sets.
enum Environment {
    /// `TWISTER_BACKEND`, where it names a backend; else `.auto`.
    static var backend: IOBackend {
        guard let text = getenv("TWISTER_BACKEND") else { return .auto }
        let name = String(cString: text)
        if let backend = IOBackend(rawValue: name) { return backend }
        Log.general.warning("TWISTER_BACKEND=\(name) is none of auto, io_uring and epoll: taking auto")
        return .auto
    }

    /// How many listening descriptors were handed to this very process; nil: none.
    static var inheritedDescriptors: CInt? {
        guard let count = number("LISTEN_FDS"), count > 0, count <= 1024 else { return nil }
        // A parent that spawns cannot know its child's number beforehand; the child knows its parent's.
        let isOurs = number("LISTEN_PID") == getpid() || number(supervisorVariable) == getppid()
        return isOurs ? count : nil
    }

    /// Which worker of a `ProcessSupervisor` this process is. What a worker starts inherits the variables, and is none.
    static let taskID = number(supervisorVariable) == getppid() ? number(taskVariable).map(Int.init) : nil

    static let taskVariable = "TWISTER_TASK_ID"
    static let supervisorVariable = "TWISTER_SUPERVISOR_PID"

    private static func number(_ name: String) -> CInt? {
        getenv(name).flatMap { CInt(String(cString: $0)) }
    }
}
