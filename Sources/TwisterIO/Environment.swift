@preconcurrency import Glibc
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
        if taskID != nil { return count }
        // A parent that has died meanwhile has still left its pipe, so the descriptors are meant for this process.
        if Readiness.pipe != nil, getenv(supervisorVariable) != nil { return count }
        // A parent that spawns a child cannot put the child's process number into its environment; the child can compare
        // its parent's.
        let isOurs = number("LISTEN_PID") == getpid() || number(supervisorVariable) == getppid()
        return isOurs ? count : nil
    }

    /// The names of these descriptors, in order; empty where they have none.
    static var inheritedNames: [String] {
        guard let names = getenv("LISTEN_FDNAMES") else { return [] }
        return String(cString: names).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }

    /// The number of the `ProcessSupervisor`'s worker that this process is; nil if it is none.
    static var taskID: Int? { worker?.taskID }

    /// Whether this process is a worker whose supervisor has died.
    static var isOrphan: Bool { worker.map { $0.supervisor != getppid() } ?? false }

    /// The worker's number and other values that the supervisor of this process has set; nil if it is no worker.
    ///
    /// A worker gets SIGTERM when its supervisor dies, however that happens, so that the worker does not keep the port for
    /// ever. A worker whose supervisor died before this call ends here: it must not become a supervisor itself.
    private static let worker: (supervisor: pid_t, taskID: Int)? = {
        guard let supervisor = number(supervisorVariable), let task = number(taskVariable) else { return nil }
        // The processes that this one starts inherit the environment, and are no workers.
        unsetenv(supervisorVariable)
        unsetenv(taskVariable)
        WorkerSignals.accept()
        _ = Reactor.dieWithParent(SIGTERM)
        guard getppid() == supervisor else {
            Log.general.error("Worker \(task) ends: its supervisor, process \(supervisor), has ended")
            Log.flush(within: .milliseconds(200))
            _exit(EXIT_FAILURE)
        }
        return (supervisor, Int(task))
    }()

    static let taskVariable = "TWISTER_TASK_ID"
    static let supervisorVariable = "TWISTER_SUPERVISOR_PID"

    /// Set by a process that hands its sockets over for good.
    static let ownershipVariable = "TWISTER_OWNS_SOCKETS"

    /// Whether the inherited sockets are this process's own now.
    static func takeSocketOwnership() -> Bool {
        defer { unsetenv(ownershipVariable) }
        return taskID == nil && getenv(ownershipVariable) != nil
    }

    /// The environment of this process, as `NAME=value`.
    static var entries: [String] {
        var entries: [String] = []
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return entries
    }

    private static func number(_ name: String) -> CInt? {
        getenv(name).flatMap { CInt(String(cString: $0)) }
    }
}
