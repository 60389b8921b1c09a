import Glibc
import Logging

/// The settings that come from environment variables.
enum Environment {
    /// The backend that `TWISTER_BACKEND` names; `.auto` if it names none.
    static var backend: IOBackend {
        guard let text = getenv("TWISTER_BACKEND") else { return .auto }
        let name = String(cString: text)
        if let backend = IOBackend(rawValue: name) { return backend }
        Log.general.warning("TWISTER_BACKEND=\(name) is none of auto, io_uring and epoll: using auto")
        return .auto
    }

    /// How many listening descriptors this process was started with; nil: none.
    static var inheritedDescriptors: CInt? {
        guard let count = number("LISTEN_FDS"), count > 0, count <= 1024 else { return nil }
        // A parent that spawns a child cannot put the child's process number into its environment; the child can compare
        // its parent's.
        let isOurs = number("LISTEN_PID") == getpid() || number(supervisorVariable) == getppid()
        return isOurs ? count : nil
    }

    /// The number of the `ProcessSupervisor`'s worker that this process is; nil if it is none. A process that a worker starts
    /// inherits the variables, but has another parent.
    static let taskID = number(supervisorVariable) == getppid() ? number(taskVariable).map(Int.init) : nil

    static let taskVariable = "TWISTER_TASK_ID"
    static let supervisorVariable = "TWISTER_SUPERVISOR_PID"

    private static func number(_ name: String) -> CInt? {
        getenv(name).flatMap { CInt(String(cString: $0)) }
    }
}
