import CReactor
import Glibc

/// The Swift face of the C reactor: the one file that imports it. It turns -errno into `IOError` and hands each event to
/// the object that its handle belongs to.
///
/// Contexts are unretained pointers: whoever starts an operation (`IOStream`, `Acceptor`, `Watch`) keeps itself alive
/// until the operation's last event.
package final class Reactor {
    typealias Handle = UInt64

    /// The backend that runs, never `.auto`.
    package let backend: IOBackend
    /// Why io_uring could not be had, where `.auto` fell back to epoll.
    package let fallbackReason: String?
    package let bufferSize: Int

    private let raw: OpaquePointer
    private let events: UnsafeMutablePointer<reactor_event>
    private static let batch: Int32 = 256

    package init(_ configuration: IOLoop.Configuration) throws(IOError) {
        var config = reactor_config()
        config.backend = configuration.backend.raw
        config.buffer_size = UInt32(clamping: max(64, configuration.readChunkSize))
        config.connections_max = UInt32(clamping: configuration.maxConnections ?? 0)
        var created: OpaquePointer?
        var text = [CChar](repeating: 0, count: 256)
        let result = reactor_create(&config, &created, &text, text.count)
        let length = text.firstIndex(of: 0) ?? text.count
        let reason = String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard result == 0, let created else {
            throw IOError(errno: -result, "\(configuration.backend) backend: \(reason)")
        }
        var statistics = reactor_statistics()
        reactor_get_statistics(created, &statistics)
        raw = created
        backend = statistics.backend == REACTOR_IO_URING ? .ioUring : .epoll
        fallbackReason = reason.isEmpty ? nil : reason
        bufferSize = Int(reactor_buffer_size(created))
        events = .allocate(capacity: Int(Self.batch))
    }

    deinit {
        reactor_destroy(raw)
        events.deallocate()
    }

    // MARK: Waiting

    /// Waits once and answers how much happened, for `dispatch`. Negative `timeout` (ns): for ever.
    func wait(timeout: Int64) -> Int { Int(reactor_wait(raw, events, Self.batch, timeout)) }

    /// Hands out the timers and deadlines that are due. All are collected before the first is run, so that a timer which one
    /// of them starts is never part of its own batch.
    func expire(now: UInt64, on loop: IOLoop) {
        var count = reactor_expire(raw, now, events, Self.batch)
        var earlier: ContiguousArray<reactor_event> = []
        while count == Self.batch {
            earlier.append(contentsOf: UnsafeBufferPointer(start: events, count: Int(count)))
            count = reactor_expire(raw, now, events, Self.batch)
        }
        for event in earlier { handOutDue(event, on: loop) }
        for index in 0..<Int(max(count, 0)) { handOutDue(events[index], on: loop) }
    }

    private func handOutDue(_ event: reactor_event, on loop: IOLoop) {
        if event.type == REACTOR_TIMER.rawValue {
            loop.timerDue(event.token)
        } else {
            stream(event.context)?.deadlinePassed()
        }
    }

    /// Hands out the first `count` events of the last wait.
    func dispatch(_ count: Int) {
        for index in 0..<max(count, 0) {
            let event = events[index]
            switch reactor_event_type(event.type) {
            case REACTOR_RECEIVED:
                stream(event.context)?.received(
                    UnsafeRawBufferPointer(start: event.data, count: Int(event.result)), poolBuffer: event.buffer)
            case REACTOR_SENT: stream(event.context)?.sent(event.result)
            case REACTOR_END: stream(event.context)?.ended(event.result)
            case REACTOR_CONNECTED: stream(event.context)?.connected(event.result)
            case REACTOR_CLOSED: stream(event.context)?.closedByReactor()
            case REACTOR_ACCEPTED: object(event.context, Acceptor.self)?.accepted(event.handle, event.result)
            case REACTOR_READY: object(event.context, Watch.self)?.ready(event.handle, event.result)
            default: break
            }
        }
    }

    @inline(__always)
    private func stream(_ context: UInt64) -> IOStream? { object(context, IOStream.self) }

    @inline(__always)
    private func object<Object: AnyObject>(_ context: UInt64, _: Object.Type) -> Object? {
        guard let pointer = UnsafeRawPointer(bitPattern: UInt(context)) else { return nil }
        return Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
    }

    private static func context(_ object: AnyObject) -> UInt64 {
        UInt64(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
    }

    /// Any thread.
    func wakeup() { reactor_wakeup(raw) }

    var nextDeadline: UInt64 { reactor_next_deadline(raw) }

    // MARK: Listeners and connections

    func listen(_ fd: CInt, _ acceptor: Acceptor) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_listen(raw, fd, Self.context(acceptor), &handle), "listen")
        return handle
    }

    func closeListener(_ handle: Handle) { _ = reactor_listener_close(raw, handle) }

    func adopt(_ fd: CInt, _ stream: IOStream) throws(IOError) -> Handle {
        var handle: Handle = 0
        try check(reactor_adopt(raw, fd, Self.context(stream), &handle), "adopt")
        return handle
    }

    func connect(_ fd: CInt, to address: SocketAddress, _ stream: IOStream) throws(IOError) -> Handle {
        var handle: Handle = 0
        let result = address.withSockaddr { pointer, length in
            reactor_connect(raw, fd, pointer, length, Self.context(stream), &handle)
        }
        try check(result, "connect")
        return handle
    }

    func setContext(_ handle: Handle, _ stream: IOStream) {
        _ = reactor_set_context(raw, handle, Self.context(stream))
    }

    func fileDescriptor(_ handle: Handle) -> CInt? {
        let fd = reactor_connection_fd(raw, handle)
        return fd >= 0 ? fd : nil
    }

    func startReceiving(_ handle: Handle) { _ = reactor_recv_start(raw, handle) }
    func stopReceiving(_ handle: Handle) { _ = reactor_recv_stop(raw, handle) }

    /// One at a time; the bytes stay where they are until `IOStream.sent`.
    func send(_ handle: Handle, _ bytes: UnsafeRawBufferPointer) -> CInt {
        reactor_send(raw, handle, bytes.baseAddress, bytes.count)
    }

    func sendFile(_ handle: Handle, _ fd: CInt, offset: UInt64, count: Int) -> CInt {
        reactor_sendfile(raw, handle, fd, offset, count)
    }

    func shutdown(_ handle: Handle) { _ = reactor_shutdown(raw, handle) }
    func close(_ handle: Handle) { _ = reactor_close(raw, handle) }

    func setDeadline(_ handle: Handle, _ deadline: UInt64) { _ = reactor_set_deadline(raw, handle, deadline) }

    // MARK: Watches, buffers, timers

    func watch(_ fd: CInt, _ mask: CInt, _ watch: Watch) throws(IOError) -> Handle {
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
    static func openBeneath(_ directory: CInt, _ path: String, _ flags: CInt) -> CInt {
        reactor_open_beneath(directory, path, flags)
    }
}
