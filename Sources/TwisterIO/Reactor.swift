import CReactor
import Glibc

/// The owner of a handle of the reactor: a stream, a listener or a watched descriptor. The reactor hands the handle's
/// events to it, on the loop's thread.
///
/// The kernel carries one pointer with each operation, so this is a class to inherit from and not a protocol. The pointer
/// is not retained: an owner stays alive until the last event of its handle was handed out.
public class ReactorOwner {
    /// The handle, 0 before there is one.
    @exclusivity(unchecked) final var handle: UInt64 = 0

    init() {}

    /// Bytes have arrived; they lie in a pool buffer, which the owner gives back.
    func received(_ bytes: UnsafeRawBufferPointer, poolBuffer: UInt32) {}
    /// The peer has sent its last byte (0), or receiving has failed (-errno).
    func ended(_ result: CInt) {}
    /// The peer has left while receiving was stopped: it has sent its last byte (0), or the connection is broken (-errno).
    func hungUp(_ result: CInt) {}
    /// A send has ended: with 0, or -errno.
    func sent(_ result: CInt) {}
    /// A connection attempt has ended: with 0, or -errno.
    func connected(_ result: CInt) {}
    /// The connection's last event.
    func closedByReactor() {}
    /// A listener has accepted `connection`, or pauses for the error `result`.
    func accepted(_ connection: Reactor.Handle, _ result: CInt) {}
    /// A watched descriptor is ready for what `mask` says.
    func ready(_ handle: Reactor.Handle, _ mask: CInt) {}

    // Calls of the loop to its open streams.

    /// Starts to send the output that was gathered in this turn.
    func flushOutput() {}
    /// Gives back the pool buffer in which unread bytes lie.
    func unpinInput() {}
    /// Whether bytes, or the end, have arrived that the reactor has not brought yet. A system call.
    var hasUnreceivedInput: Bool { false }
    /// The deadline has passed; `time` is as of when that was judged.
    func deadlinePassed(asOf time: UInt64) {}
    /// The loop is closed.
    func closeWithLoop() {}
}

/// The use of memory that may be short. When it runs out, accepting pauses first, then first requests are refused, and requests
/// of clients that were served before are refused last.
package enum MemoryUse {
    /// First requests, and buffers whose size depends on the peer.
    case newcomers
    /// Requests on connections that have had a response.
    case established

    /// So many bytes of memory have to be left. Nothing is asked for the memory that closing a stream takes.
    var headroom: Int {
        switch self {
        case .newcomers: 4 << 20
        case .established: 512 << 10
        }
    }
}

/// The Swift face of the C reactor: the one file that imports it. It turns -errno into `IOError` and hands each event to
/// the owner of its handle.
package final class Reactor {
    typealias Handle = UInt64

    /// The backend that runs, never `.auto`.
    package let backend: IOBackend
    /// Why io_uring could not be had, where `.auto` fell back to epoll.
    package let fallbackReason: String?
    package let bufferSize: Int

    private let raw: OpaquePointer
    private let events: UnsafeMutablePointer<reactor_event>
    /// The most events that one wait brings.
    static let batch: Int32 = 256

    package init(_ wanted: IOBackend, bufferSize wantedSize: Int, maxConnections: Int?) throws(IOError) {
        var config = reactor_config()
        config.backend = wanted.raw
        config.buffer_size = UInt32(clamping: max(64, wantedSize))
        config.connections_max = UInt32(clamping: maxConnections ?? 0)
        var created: OpaquePointer?
        var text = [CChar](repeating: 0, count: 256)
        let result = reactor_create(&config, &created, &text, text.count)
        let length = text.firstIndex(of: 0) ?? text.count
        let reason = String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard result == 0, let created else {
            // The error adds the text of the error number itself.
            let ending = ": " + IOError.text(of: -result)
            let step = reason.hasSuffix(ending) ? reason.dropLast(ending.count) : reason[...]
            throw IOError(errno: -result, "\(wanted) backend: \(step)")
        }
        var statistics = reactor_statistics()
        reactor_get_statistics(created, &statistics)
        raw = created
        backend = statistics.backend == REACTOR_IO_URING ? .ioUring : .epoll
        fallbackReason = reason.isEmpty ? nil : reason
        bufferSize = Int(reactor_buffer_size(created))
        events = .allocate(capacity: Int(Self.batch))
        spill = .allocate(byteCount: Self.spillSize, alignment: 16)
    }

    deinit {
        reactor_destroy(raw)
        events.deallocate()
        spill.deallocate()
        free(reserve)
    }

    // MARK: Waiting

    /// Waits once and returns how many events there are for `dispatch`. Negative `timeout` (ns): for ever.
    func wait(timeout: Int64) -> Int { Int(reactor_wait(raw, events, Self.batch, timeout)) }

    /// Tells which timers (by their tokens) and which connections' deadlines (by their handles) are due at `now`. All are
    /// collected before the first is told, so that a timer which one of them starts is never part of its own batch.
    func expire(now: UInt64, timerDue: (UInt64) -> Void, deadlineDue: (Handle) -> Void) {
        var due: ContiguousArray<reactor_event> = []
        var count = Self.batch
        while count == Self.batch {
            count = reactor_expire(raw, now, events, Self.batch)
            due.append(contentsOf: UnsafeBufferPointer(start: events, count: Int(max(count, 0))))
        }
        for event in due {
            if event.type == REACTOR_TIMER.rawValue { timerDue(event.token) } else { deadlineDue(event.handle) }
        }
    }

    /// Hands out the first `count` events of the last wait.
    func dispatch(_ count: Int) {
        for index in 0..<max(count, 0) {
            let event = events[index]
            guard let pointer = UnsafeRawPointer(bitPattern: UInt(event.context)) else { continue }
            // An owner lives until its last event, so that no event has to retain it.
            Unmanaged<ReactorOwner>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.handle(event) }
        }
    }

    private static func context(_ object: ReactorOwner) -> UInt64 {
        UInt64(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
    }

    /// Any thread.
    func wakeup() { reactor_wakeup(raw) }

    var nextDeadline: UInt64 { reactor_next_deadline(raw) }

    // MARK: Memory

    /// Bytes of memory, besides the pool's, that streams took since the last `trim`, or freed long after they had taken them.
    private var heapBytes = 0
    private var closedConnections = 0

    /// After so much of it, giving memory back is worth the while.
    private static let trimmableBytes = 4 << 20
    private static let trimmableConnections = 1024

    /// Bytes that were allocated since the system was last asked whether it has more.
    private var unprobedBytes = 0
    /// After so many of them it is asked again.
    private static let probedBytes = 64 << 10

    /// Memory that is given back to the heap of the loop's thread when the system has no more: closing streams takes small
    /// objects, and Swift ends the program where there is no memory for one.
    private var reserve: UnsafeMutableRawPointer?
    /// Less than the C library takes from the system for a single allocation, so that it stays in the heap when it is freed.
    private static let reserveSize = 96 << 10

    /// Memory for the input or output of a stream, which `free` gives back; nil where memory is short, so that the stream
    /// is closed and not the program ended.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard hasMemory(size, for: .newcomers) else { return nil }
        if let memory = malloc(size) { return memory }
        giveUpReserve()
        return nil
    }

    /// So much memory of the heap is free again.
    func noteFreed(_ size: Int) { heapBytes += size }

    /// Whether there is memory for objects of so many bytes in all, with enough left for what is more important.
    func hasMemory(_ size: Int, for use: MemoryUse) -> Bool {
        heapBytes += size
        unprobedBytes += size
        if unprobedBytes >= Self.probedBytes {
            guard reactor_has_headroom(raw, use.headroom) else {
                giveUpReserve()
                return false
            }
            unprobedBytes = 0
            if reserve == nil { reserve = malloc(Self.reserveSize) }
        }
        return true
    }

    @inline(never)
    private func giveUpReserve() {
        free(reserve)
        reserve = nil
        // The system is asked again at the next call.
        unprobedBytes = Self.probedBytes
    }

    /// Where output is written that there is no memory for, until its stream is closed. Taken from the system beforehand; its
    /// pages are untouched until then.
    let spill: UnsafeMutableRawPointer
    static let spillSize = 256 << 10

    /// A connection has closed, and the memory that it held is free.
    func noteClosed() { closedConnections += 1 }

    /// Whether so much memory was used since the last `trim` that another one is of use.
    var isTrimmable: Bool {
        heapBytes >= Self.trimmableBytes || closedConnections >= Self.trimmableConnections
            || reactor_is_trimmable(raw)
    }

    /// Gives the memory of free pool buffers, and of the heap's free parts, back to the system.
    func trim() {
        heapBytes = 0
        closedConnections = 0
        reactor_trim(raw)
    }

    // MARK: Listeners and connections

    func listen(_ fd: CInt, _ acceptor: ReactorOwner) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_listen(raw, fd, Self.context(acceptor), &handle), "listen")
        return handle
    }

    func closeListener(_ handle: Handle) { _ = reactor_listener_close(raw, handle) }

    func adopt(_ fd: CInt, _ stream: ReactorOwner) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_adopt(raw, fd, Self.context(stream), &handle), "adopt")
        return handle
    }

    func connect(_ fd: CInt, to address: SocketAddress, _ stream: ReactorOwner) throws(IOError) -> Handle {
        var handle: Handle = 0
        let result = address.withSockaddr { pointer, length in
            reactor_connect(raw, fd, pointer, length, Self.context(stream), &handle)
        }
        try check(result, "connect")
        return handle
    }

    func setContext(_ handle: Handle, _ stream: ReactorOwner) {
        _ = reactor_set_context(raw, handle, Self.context(stream))
    }

    func fileDescriptor(_ handle: Handle) -> CInt? {
        let fd = reactor_connection_fd(raw, handle)
        return fd >= 0 ? fd : nil
    }

    /// 0 or -errno.
    func startReceiving(_ handle: Handle) -> CInt { reactor_recv_start(raw, handle) }
    func stopReceiving(_ handle: Handle) { _ = reactor_recv_stop(raw, handle) }

    /// One at a time; the bytes stay where they are until `IOStream.sent`.
    func send(_ handle: Handle, _ bytes: UnsafeRawBufferPointer) -> CInt {
        reactor_send(raw, handle, bytes.baseAddress, bytes.count)
    }

    func sendFile(_ handle: Handle, _ fd: CInt, offset: UInt64, count: Int) -> CInt {
        reactor_sendfile(raw, handle, fd, offset, count)
    }

    /// How many bytes of the send under way the kernel has not taken yet.
    func sendLeft(_ handle: Handle) -> Int { reactor_send_left(raw, handle) }

    func shutdown(_ handle: Handle) { _ = reactor_shutdown(raw, handle) }
    func close(_ handle: Handle) { _ = reactor_close(raw, handle) }

    /// 0, or -errno where there is no memory; the connection then has no deadline.
    func setDeadline(_ handle: Handle, _ deadline: UInt64) -> CInt { reactor_set_deadline(raw, handle, deadline) }

    // MARK: Watches, buffers, timers

    func watch(_ fd: CInt, _ mask: CInt, _ watch: ReactorOwner) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_watch(raw, fd, mask, Self.context(watch), &handle), "watch descriptor \(fd)")
        return handle
    }

    func updateWatch(_ handle: Handle, _ mask: CInt) throws(IOError) {
        try check(reactor_watch_update(raw, handle, mask), "update watch")
    }

    func unwatch(_ handle: Handle) { _ = reactor_unwatch(raw, handle) }

    func acquireBuffer() -> (id: UInt32, base: UnsafeMutableRawPointer)? {
        var id: UInt32 = 0
        var base: UnsafeMutableRawPointer?
        guard reactor_buffer_acquire(raw, &id, &base) == 0, let base else { return nil }
        return (id, base)
    }

    func releaseBuffer(_ id: UInt32) { reactor_buffer_release(raw, id) }

    func startTimer(at deadline: UInt64, token: UInt64) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_timer_start(raw, deadline, token, &handle), "start timer")
        return handle
    }

    /// Whether the timer was still in the wheel.
    func cancelTimer(_ handle: Handle) -> Bool { reactor_timer_cancel(raw, handle) == 0 }

    package var statistics: ReactorStatistics {
        var out = reactor_statistics()
        reactor_get_statistics(raw, &out)
        return ReactorStatistics(
            backend: backend, connections: Int(out.connections), watches: Int(out.watches), timers: Int(out.timers),
            receiveBuffersTotal: Int(out.receive_buffers_total), receiveBuffersOut: Int(out.receive_buffers_out),
            sendBuffersTotal: Int(out.send_buffers_total), sendBuffersOut: Int(out.send_buffers_out),
            events: out.events, waits: out.waits, syscalls: out.syscalls, acceptPauses: out.accept_pauses,
            receivePauses: out.receive_pauses)
    }

    private func check(_ result: CInt, _ what: @autoclosure () -> String) throws(IOError) {
        if result < 0 { throw IOError(errno: -result, what()) }
    }
}

extension ReactorOwner {
    @inline(__always)
    fileprivate final func handle(_ event: reactor_event) {
        switch reactor_event_type(event.type) {
        case REACTOR_RECEIVED:
            received(UnsafeRawBufferPointer(start: event.data, count: Int(event.result)), poolBuffer: event.buffer)
        case REACTOR_SENT: sent(event.result)
        case REACTOR_END: ended(event.result)
        case REACTOR_HANGUP: hungUp(event.result)
        case REACTOR_CONNECTED: connected(event.result)
        case REACTOR_CLOSED:
            // The loop lets go of the owner in here, and nobody else may hold it. An explicit retain, because the optimiser
            // trusts the caller to hold what is not consumed, `withExtendedLifetime` or not.
            let kept = Unmanaged.passRetained(self)
            closedByReactor()
            kept.release()
        case REACTOR_ACCEPTED: accepted(event.handle, event.result)
        case REACTOR_READY: ready(event.handle, event.result)
        default: break
        }
    }
}

extension IOBackend {
    fileprivate var raw: reactor_backend {
        switch self {
        case .auto: REACTOR_AUTO
        case .ioUring: REACTOR_IO_URING
        case .epoll: REACTOR_EPOLL
        }
    }
}

extension Reactor {
    /// Opens what lies beneath `directory`; the descriptor or -errno, `EXDEV` for what lies outside.
    static func openBeneath(_ directory: CInt, _ path: String, _ flags: CInt, cachedOnly: Bool) -> CInt {
        reactor_open_beneath(directory, path, flags, cachedOnly ? 1 : 0)
    }

    /// Whether `count` bytes from `offset` on can be read without waiting for the disk, as far as the kernel tells.
    static func isCached(_ fd: CInt, at offset: UInt64, _ count: UInt64) -> Bool {
        reactor_is_cached(fd, offset, count) != 0
    }

    /// Accepts a connection that waits at the listening socket; the descriptor or -errno.
    static func acceptOne(_ fd: CInt) -> CInt { reactor_accept_one(fd) }

    /// Lets no new client connect to a listening socket.
    static func refuseClients(_ fd: CInt) { _ = reactor_refuse_clients(fd) }

    /// The kernel's number of the calling thread.
    static var threadNumber: CInt { reactor_thread_number() }

    /// A descriptor of memory that processes can share; the descriptor or -errno.
    static func memoryFile(_ size: Int) -> CInt { reactor_memory_file(size) }

    /// The return addresses on the stack of another thread, the innermost first.
    static func backtrace(ofThread thread: CInt) -> [UInt] {
        var frames = [UInt](repeating: 0, count: Int(REACTOR_FRAMES_MAX))
        let count = reactor_backtrace(thread, &frames, CInt(frames.count))
        return Array(frames[..<Int(count)])
    }

    /// The mangled name of the function that has code at `address`; nil: it is not known.
    static func symbol(at address: UInt) -> String? {
        var name = [CChar](repeating: 0, count: 1024)
        guard reactor_symbol(address, &name, name.count) != 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Has the kernel send `signal` to this process when the thread that started it ends; 0 or -errno.
    static func dieWithParent(_ signal: CInt) -> CInt { reactor_die_with_parent(signal) }
}

/// The system calls for processes that Swift cannot call itself.
enum ProcessCalls {
    /// Starts a process; all signals have their default action there.
    ///
    /// - Parameters:
    ///   - descriptors: number n becomes descriptor n of the process; nil: it inherits this process's n.
    ///   - closesOthers: whether it gets no further descriptor.
    ///   - keepsHangupIgnored: whether SIGHUP stays ignored where nohup(1) has had it ignored.
    ///   - blockedSignals: the signals that are blocked there at the start.
    /// - Returns: the process, or -errno.
    static func spawn(
        _ program: String, isSearched: Bool, arguments: [String], environment: [String], directory: String? = nil,
        descriptors: [CInt?], closesOthers: Bool, keepsHangupIgnored: Bool, blockedSignals: [CInt] = []
    ) -> pid_t {
        var plan = reactor_spawn_plan()
        plan.descriptor_count = CInt(clamping: descriptors.count)
        plan.is_searched = isSearched
        plan.closes_others = closesOthers
        plan.keeps_hangup_ignored = keepsHangupIgnored
        for signal in blockedSignals { plan.blocked_signals |= 1 << UInt64(signal - 1) }
        let numbers = descriptors.map { $0 ?? -1 }
        let strings = ([program] + arguments + environment).map { strdup($0) }
        let folder = directory.map { strdup($0) } ?? nil
        defer { for string in strings + [folder] { free(string) } }
        guard !strings.contains(nil), directory == nil || folder != nil else { return -ENOMEM }
        let argv = Array(strings[1...arguments.count]) + [nil]
        let envp = Array(strings[(1 + arguments.count)...]) + [nil]
        plan.program = UnsafePointer(strings[0])
        plan.directory = UnsafePointer(folder)
        var process: pid_t = 0
        let result = argv.withUnsafeBufferPointer { argv in
            envp.withUnsafeBufferPointer { envp in
                numbers.withUnsafeBufferPointer { numbers in
                    plan.arguments = argv.baseAddress
                    plan.environment = envp.baseAddress
                    plan.descriptors = numbers.baseAddress
                    return reactor_spawn(&plan, &process)
                }
            }
        }
        return result < 0 ? result : process
    }

    /// A descriptor that is readable once the process has ended; -errno where there are none (before Linux 5.3).
    static func open(_ process: pid_t) -> CInt { reactor_process_open(process) }

    /// Sends a signal to a process that was not collected yet; 0 or -errno.
    static func send(_ signal: CInt, to process: pid_t, _ descriptor: CInt) -> CInt {
        reactor_process_signal(process, descriptor, signal)
    }

    /// Collects the exit status of a process, without waiting: 1 and its status (negative: the signal that has ended it), 0
    /// while it runs, or -errno.
    static func collect(_ process: pid_t, _ descriptor: CInt) -> (result: CInt, status: CInt) {
        var status: CInt = 0
        return (reactor_process_collect(process, descriptor, &status), status)
    }

    /// Makes a pipe whose ends programs that are started do not inherit; the ends, or -errno as both.
    static func pipe() -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        let result = reactor_pipe(&ends)
        return result < 0 ? (result, result) : (ends[0], ends[1])
    }
}
