import Glibc

/// Collects the exit status of every process that was started, so that none stays behind as a zombie.
///
/// A thread, which is started with the first process and never ends, waits for all of them. The loops do not do this, because
/// a loop may be busy or closed, or its thread may have ended, when the process ends.
enum ChildReaper {
    private struct State: Sendable {
        var children: [ChildProcess] = []
        /// Wakes the thread: a child was added. Nil before the thread has started.
        var wakeup: (reading: CInt, writing: CInt)?
    }
    private static let state = ConditionLock(State())

    /// Where the kernel does not report the end of a process, the thread looks this often, in milliseconds.
    private static let pollInterval: CInt = 20

    /// Starts a process, whose exit will be collected.
    ///
    /// - Parameter opensDescriptor: false: as on a kernel that has no descriptors of processes.
    /// - Throws: the error of `spawn`; `IOError` if the thread cannot be started. Then no process was started.
    static func start(
        opensDescriptor: Bool = true, _ spawn: () throws(IOError) -> pid_t
    ) throws(IOError) -> ChildProcess {
        let writing = try prepare()
        let child = ChildProcess(try spawn(), opensDescriptor: opensDescriptor)
        state.withLock { $0.children.append(child) }
        var byte: UInt8 = 0
        _ = write(writing, &byte, 1)
        return child
    }

    /// Starts the thread if it does not run, and returns the descriptor that wakes it.
    private static func prepare() throws(IOError) -> CInt {
        try state.withLock { (state) throws(IOError) in
            if let wakeup = state.wakeup { return wakeup.writing }
            let wakeup = ProcessCalls.pipe()
            guard wakeup.reading >= 0 else { throw IOError(errno: -wakeup.reading, "pipe") }
            // A full pipe wakes the thread as well, so that a write into it need not wait.
            for end in [wakeup.reading, wakeup.writing] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
            do throws(IOError) {
                try NativeThread.start(name: "twister-reaper", blocksSignals: true) { reap(wakeup.reading) }
            } catch {
                close(wakeup.reading)
                close(wakeup.writing)
                throw error
            }
            state.wakeup = wakeup
            return wakeup.writing
        }
    }

    /// The body of the thread.
    private static func reap(_ wakeup: CInt) {
        while true {
            let children = state.withLock(\.children)
            var descriptors = [pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)]
            // poll(2) ignores negative descriptors.
            descriptors += children.map { pollfd(fd: $0.descriptor ?? -1, events: Int16(POLLIN), revents: 0) }
            let mustPoll = descriptors.contains { $0.fd < 0 }
            if poll(&descriptors, nfds_t(descriptors.count), mustPoll ? pollInterval : -1) < 0, errno != EINTR {
                // No memory, or more children than descriptors are allowed: look at each of them.
                poll(nil, 0, pollInterval)
                for index in descriptors.indices { descriptors[index].revents = Int16(POLLIN) }
            }
            if descriptors[0].revents != 0 {
                withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { room in
                    while read(wakeup, room.baseAddress, room.count) > 0 {}
                }
            }
            let ended = zip(children, descriptors.dropFirst()).filter { child, descriptor in
                (descriptor.fd < 0 || descriptor.revents != 0) && child.collect()
            }
            guard !ended.isEmpty else { continue }
            let gone = Set(ended.map { ObjectIdentifier($0.0) })
            state.withLock { state in state.children.removeAll { gone.contains(ObjectIdentifier($0)) } }
        }
    }
}
