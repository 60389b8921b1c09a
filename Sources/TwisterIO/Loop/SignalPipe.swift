import Glibc
import Synchronization

/// Brings signals from their handlers to a thread: a bit for each signal, and a pipe that wakes the thread.
///
/// A signal handler may run on any thread at any moment, and may only make async-signal-safe calls. So it sets the bit and
/// writes a byte to the pipe (the "self-pipe trick"). Many signals collapse: a full pipe takes no more bytes, and a bit is
/// set once.
///
/// It is kept in a static property and never closed, because a handler may still be using it. Initialise that property
/// before the handler is installed.
final class SignalPipe: Sendable {
    /// Bit n-1 is set if signal n has arrived.
    private let pending = Atomic<UInt64>(0)
    private let readEnd: CInt
    private let writeEnd: CInt

    /// Whether there were descriptors left for the pipe.
    var isOpen: Bool { readEnd >= 0 }

    init() {
        (readEnd, writeEnd) = ProcessCalls.pipe()
        if readEnd >= 0 { for end in [readEnd, writeEnd] { _ = fcntl(end, F_SETFL, O_NONBLOCK) } }
    }

    /// Called in the signal handler: an atomic operation and a write(2), which leave errno as it was.
    func arrived(_ signal: CInt) {
        let savedErrno = errno
        pending.bitwiseOr(1 << UInt64(truncatingIfNeeded: signal &- 1), ordering: .acquiringAndReleasing)
        var byte: UInt8 = 0
        _ = write(writeEnd, &byte, 1)
        errno = savedErrno
    }

    /// Blocks the calling thread until a signal has arrived, or one of the descriptors is readable.
    ///
    /// - Parameter timeout: in milliseconds; negative: no limit.
    func wait(timeout: CInt = -1, also descriptors: [CInt] = []) {
        var readable = ([readEnd] + descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&readable, nfds_t(readable.count), timeout) > 0, readable[0].revents != 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
            while read(readEnd, buffer.baseAddress, buffer.count) > 0 {}
        }
    }

    /// Returns the signals that have arrived since the last call, each once, in the order of their numbers.
    func takeArrived() -> [CInt] {
        let bits = pending.exchange(0, ordering: .acquiringAndReleasing)
        return bits == 0 ? [] : (1...64).filter { bits & (1 << UInt64($0 - 1)) != 0 }
    }
}

/// The process's action for a signal.
///
/// Sendable, because it is an immutable copy; `sigaction` is not Sendable only because it holds the pointer of a handler.
struct SignalAction: @unchecked Sendable {
    private let action: sigaction

    /// Installs `handler` and returns the action that was in force before. System calls that it interrupts go on
    /// (`SA_RESTART`).
    ///
    /// - Parameter flags: further flags of sigaction(2).
    static func install(
        on signal: CInt, flags: CInt = 0, _ handler: @escaping @convention(c) (CInt) -> Void
    ) throws(IOError) -> SignalAction {
        var new = sigaction()
        new.__sigaction_handler.sa_handler = handler
        new.sa_flags = CInt(SA_RESTART) | flags
        sigfillset(&new.sa_mask)
        var old = sigaction()
        guard sigaction(signal, &new, &old) == 0 else { throw IOError(errno: errno, "handle signal \(signal)") }
        return SignalAction(action: old)
    }

    /// Puts this action in force again.
    func restore(on signal: CInt) {
        var action = action
        sigaction(signal, &action, nil)
    }
}
