import CReactor
import Glibc
import Testing

/// An event whose bytes were copied and whose buffer was given back.
struct Event: Equatable {
    var type: reactor_event_type
    var result: CInt
    var handle: UInt64
    var context: UInt64
    var token: UInt64
    var bytes: [UInt8] = []

    static func == (a: Event, b: Event) -> Bool {
        a.type == b.type && a.result == b.result && a.handle == b.handle && a.context == b.context && a.token == b.token
            && a.bytes == b.bytes
    }
}

/// A reactor under test. Not to be used across a suspension: it belongs to its thread.
final class TestReactor {
    let raw: OpaquePointer
    /// Buffers of RECEIVED that were not given back, when `holdsBuffers`.
    var heldBuffers: [UInt32] = []
    var holdsBuffers = false
    private let events: UnsafeMutablePointer<reactor_event>
    private let capacity: Int32

    init(
        _ backend: Backend, capacity: Int32 = 64, _ configure: (inout reactor_config) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var config = reactor_config()
        config.backend = backend.raw
        configure(&config)
        var created: OpaquePointer?
        var reason = [CChar](repeating: 0, count: 200)
        let result = reactor_create(&config, &created, &reason, reason.count)
        let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(result == 0, "\(backend): \(text)", sourceLocation: sourceLocation)
        raw = try #require(created, sourceLocation: sourceLocation)
        self.capacity = capacity
        events = .allocate(capacity: Int(capacity))
    }

    deinit {
        reactor_destroy(raw)
        events.deallocate()
    }

    var statistics: reactor_statistics {
        var out = reactor_statistics()
        reactor_get_statistics(raw, &out)
        return out
    }

    /// One `reactor_wait`.
    func wait(milliseconds: Int64 = 0) -> [Event] {
        let count = reactor_wait(raw, events, capacity, milliseconds < 0 ? -1 : milliseconds * 1_000_000)
        #expect(count >= 0)
        return take(count)
    }

    /// One `reactor_expire`.
    func expire(_ now: UInt64) -> [Event] { take(reactor_expire(raw, now, events, capacity)) }

    private func take(_ count: CInt) -> [Event] {
        (0..<Int(max(count, 0))).map { index in
            let event = events[index]
            var copy = Event(
                type: reactor_event_type(event.type), result: event.result, handle: event.handle,
                context: event.context, token: event.token)
            if copy.type == REACTOR_RECEIVED {
                copy.bytes = [UInt8](UnsafeRawBufferPointer(start: event.data, count: Int(event.result)))
                if holdsBuffers { heldBuffers.append(event.buffer) } else { reactor_buffer_release(raw, event.buffer) }
            }
            return copy
        }
    }

    func releaseHeldBuffers() {
        for buffer in heldBuffers { reactor_buffer_release(raw, buffer) }
        heldBuffers = []
    }

    /// Waits until `isDone` holds for everything seen so far, at most `seconds`.
    @discardableResult
    func collect(
        seconds: Int = 10, sourceLocation: SourceLocation = #_sourceLocation, until isDone: ([Event]) -> Bool
    ) -> [Event] {
        var seen: [Event] = []
        let deadline = now() + UInt64(seconds) * 1_000_000_000
        while !isDone(seen) {
            guard now() < deadline else {
                Issue.record("not seen in time; seen: \(seen.count) events", sourceLocation: sourceLocation)
                return seen
            }
            seen += wait(milliseconds: 20)
        }
        return seen
    }

    /// Waits until nothing happens any more.
    func settle() -> [Event] {
        var seen: [Event] = []
        var quiet = 0
        while quiet < 3 {
            let some = wait(milliseconds: quiet == 1 ? 1 : 0)
            quiet = some.isEmpty ? quiet + 1 : 0
            seen += some
        }
        return seen
    }

    /// Whether the reactor waits without more than `limit` system calls, at the latest when the kernel has delivered
    /// everything that is under way. Nothing may be reported meanwhile.
    func isQuiet(limit: UInt64, sourceLocation: SourceLocation = #_sourceLocation) -> Bool {
        for _ in 0..<20 {
            let before = statistics.syscalls
            #expect(wait(milliseconds: 30).isEmpty, sourceLocation: sourceLocation)
            if statistics.syscalls - before <= limit { return true }
        }
        return false
    }

    func adopt(_ fd: CInt, context: UInt64 = 0) throws -> UInt64 {
        var handle: UInt64 = 0
        try #require(reactor_adopt(raw, fd, context, &handle) == 0)
        return handle
    }

    func listen(_ fd: CInt, context: UInt64 = 0) throws -> UInt64 {
        var handle: UInt64 = 0
        try #require(reactor_listen(raw, fd, context, &handle) == 0)
        return handle
    }

    func watch(_ fd: CInt, _ mask: CInt, context: UInt64 = 0) throws -> UInt64 {
        var handle: UInt64 = 0
        try #require(reactor_watch(raw, fd, mask, context, &handle) == 0)
        return handle
    }
}

/// The monotonic clock, in nanoseconds.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Small and fast, and the same for each run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
