package import Glibc
import Logging
import Synchronization

/// The event loop: callbacks, timers and I/O events of one thread, in turns, and the executor of the async code that the
/// thread serves.
///
/// A loop belongs to the thread that creates it. `addCallback`, `stop` and `wakeup` may be called from any thread. Everything
/// else must be called on the loop's own thread; a call on another thread ends the program with a message.
///
/// A turn is, in this order: the callbacks that were there when it began, the timers that are due, one send for each
/// stream with output, one wait, the I/O events. Then the requests that became ready run, as async calls on this thread.
///
/// An async function that is run on the loop (`spawnCallback`, handlers, `runSync`) comes back to the loop's thread after
/// each `await`, because the loop is its task's `TaskExecutor`.
///
/// Tornado: `ioloop.IOLoop`.
public final class IOLoop: TaskExecutor, @unchecked Sendable {
    /// How to make a loop.
    public typealias Configuration = IOLoopConfiguration

    let reactor: Reactor
    private let thread = pthread_self()
    private let clock: (@Sendable () -> UInt64)?
    private let clockAtStart: UInt64

    /// The thread's activity at the moment, for threads that watch it.
    package let pulse = LoopPulse()
    /// Callbacks and jobs that other threads hand in.
    let inbox = Inbox()
    private let stopRequested = Atomic(false)
    /// Numbers for metrics, which any thread may read.
    package let counts = LoopCounts()
    let executors = Mutex(LoopExecutors())

    // The loop thread's own. Release builds do not check the queues for overlapping accesses: that would cost 1,770
    // instructions for a keep-alive request, and 190 for a pipelined one. Debug builds do.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var timers = TimerTable()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var callbacks = FIFO<() throws -> Void>()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var jobs = FIFO<UnownedJob>()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var ready = FIFO<any LoopWork>()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var streams = LoopStreams()
    var watches: [CInt: Watch] = [:]
    private var clockAtTurn: UInt64 = 0
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var workers = WorkerPool()
    var leader: Leader = IOLoop.anyLeader
    var signalHandlers = SignalHandlers()
    /// See `local`.
    var locals: [ObjectIdentifier: AnyObject] = [:]
    private var life = Life.idle

    private enum Life { case idle, running, closed }

    var isRunning: Bool { life == .running }
    var isClosed: Bool { life == .closed }

    /// Creates a loop for the calling thread, without making it current.
    ///
    /// - Throws: `IOError` with the reason, where the chosen backend is not available.
    public init(_ configuration: Configuration = Configuration()) throws(IOError) {
        StandardDescriptors.secure()
        reactor = try Reactor(
            configuration.backend, bufferSize: configuration.readChunkSize,
            maxConnections: configuration.maxConnections)
        clock = configuration.clock
        clockAtStart = configuration.clock?() ?? 0
    }

    // A condition that belongs to a loop may belong to another one afterwards.
    deinit { inbox.close() }

    // MARK: The thread's loop

    /// The calling thread's loop, created with the default configuration where there is none.
    ///
    /// - Throws: `IOError` where a loop has to be created and cannot be.
    ///
    /// Tornado: `IOLoop.current`.
    public static func current() throws(IOError) -> IOLoop {
        if let loop = currentIfAny { return loop }
        let loop = try IOLoop()
        loop.makeCurrent()
        return loop
    }

    /// The calling thread's loop, if it has one. Tornado: `IOLoop.current(instance=False)`.
    public static var currentIfAny: IOLoop? { ThreadLoop.get() }

    /// Makes this the loop of its thread. Tornado: `IOLoop.make_current`.
    public func makeCurrent() {
        preconditionOnLoop()
        ThreadLoop.set(self)
    }

    /// Whether the caller runs on this loop's thread.
    public var isCurrentThread: Bool { pthread_self() == thread }

    /// Ends the program, in release builds too, where the caller does not run on this loop's thread: objects of a loop are
    /// plain memory, so that a second thread would corrupt them.
    package func preconditionOnLoop(_ function: StaticString = #function) {
        if !isCurrentThread { Self.failOffLoop(function) }
    }

    /// The loop's thread, for objects that compare it themselves, since they do so at each call.
    package var threadID: pthread_t { thread }

    @inline(never)
    package static func failOffLoop(_ function: StaticString) -> Never {
        fatalError(
            """
            \(function) was called off the thread of the loop that it belongs to. Come back to the loop first: copy the \
            values that the other thread needs, and use the loop's objects inside `loop.addCallback { }` or \
            `try await loop.perform { }`.
            """)
    }

    // MARK: Time, backend

    /// The clock as it was when the last wait ended: precise enough for deadlines of seconds. Computed, because another
    /// module's access to a stored property is checked for exclusivity.
    package internal(set) var turnTime: UInt64 {
        get { clockAtTurn }
        set { clockAtTurn = newValue }
    }

    /// The loop's clock, now, in nanoseconds.
    package var now: UInt64 {
        if let clock { return clock() }
        return MonotonicTime.now
    }

    /// How far a clock that was given to the loop has gone since the loop was made, in nanoseconds; 0 with the system's
    /// clock. In a test that moves the clock, the time of day moves with it.
    package var virtualTime: UInt64 { clock.map { $0() &- clockAtStart } ?? 0 }

    /// The backend that runs: `.ioUring` or `.epoll`.
    public var backend: IOBackend { reactor.backend }

    /// Why io_uring is not available, where `.auto` fell back to epoll; nil otherwise.
    public var backendFallbackReason: String? { reactor.fallbackReason }

    /// Counters of the reactor and what it holds at the moment. On the loop's thread.
    public var statistics: ReactorStatistics {
        preconditionOnLoop()
        return reactor.statistics
    }

    // MARK: Life

    /// Runs turns on the calling thread until `stop`. If `stop` was called before, the next `run` returns at once.
    ///
    /// Tornado: `IOLoop.start`.
    public func run() {
        preconditionOnLoop()
        precondition(!isRunning, "IOLoop: run() while it runs")
        precondition(!isClosed, "IOLoop: run() after close()")
        let previous = ThreadLoop.get()
        ThreadLoop.set(self)
        life = .running
        // Deadlines that are set before the first wait ends count from now, not from the last wait of an earlier run.
        turnTime = now
        defer {
            life = .idle
            pulse.endTurn()
            ThreadLoop.set(previous)
            stopRequested.store(false, ordering: .releasing)
        }
        while !isStopping { runJobsAndLead() }
    }

    /// Ends `run` after the turn under way; before `run`, makes the next one return at once. Any thread.
    ///
    /// Tornado: `IOLoop.stop`.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        reactor.wakeup()
    }

    var isStopping: Bool { stopRequested.load(ordering: .acquiring) }

    /// Frees what the loop holds: its streams are closed without further events, handlers, timers and callbacks are dropped.
    /// After `run` has returned. Idempotent.
    ///
    /// - Parameter allDescriptors: closes the descriptors that have a handler, too.
    ///
    /// Tornado: `IOLoop.close`.
    public func close(allDescriptors: Bool = false) {
        preconditionOnLoop()
        precondition(!isRunning, "IOLoop: close() while it runs")
        guard !isClosed else { return }
        // Tasks that run once more below find their loop, and that it is closed.
        let previous = ThreadLoop.get()
        ThreadLoop.set(self)
        defer { ThreadLoop.set(previous === self ? nil : previous) }
        shutDownExecutor()
        removeSignalHandlers()
        closeStreams()
        for (fd, watch) in watches {
            cancel(watch)
            if allDescriptors { Glibc.close(fd) }
        }
        watches.removeAll()
        life = .closed
        dropPending()
        // After that, because tasks that sleep on a timer run once more when it is dropped.
        retireWorkers()
    }

    /// Closes every stream and waits until the kernel has let go of their buffers, a second at most.
    private func closeStreams() {
        for _ in 0..<20 where streams.count > 0 {
            // A listener may have accepted another one meanwhile.
            for stream in streams.all { stream.closeWithLoop() }
            reactor.dispatch(reactor.wait(timeout: 50_000_000))
        }
        for stream in streams.all { stream.closedByReactor() }
    }

    /// Releases callbacks, timers and locals, which may hold the loop itself, and whose deinitialisers may call it.
    private func dropPending() {
        inbox.close()
        let callbacks = callbacks.takeAll()
        let timers = timers.takeAll()
        let held = locals
        locals = [:]
        withExtendedLifetime(callbacks) { withExtendedLifetime(timers) { withExtendedLifetime(held) {} } }
    }

    /// Makes a waiting loop go through a turn. Any thread.
    public func wakeup() { reactor.wakeup() }
}

/// How to make a loop. Also known as `IOLoop.Configuration`.
public struct IOLoopConfiguration: Sendable {
    /// The backend; default: `TWISTER_BACKEND` of the environment, else `.auto`.
    public var backend: IOBackend
    /// Accepting pauses at this many connections; nil: the soft limit of open descriptors less 64.
    public var maxConnections: Int?
    /// The most bytes that one receive brings: the size of the loop's pool buffers. Default 16,384; rounded up by the
    /// reactor where it must. Tornado: `read_chunk_size`, 65,536.
    public var readChunkSize = 16_384
    /// The clock of timers and deadlines, in nanoseconds that never go back; nil: `CLOCK_MONOTONIC`.
    public var clock: (@Sendable () -> UInt64)?

    public init(
        backend: IOBackend? = nil, maxConnections: Int? = nil, clock: (@Sendable () -> UInt64)? = nil
    ) {
        self.backend = backend ?? Environment.backend
        self.maxConnections = maxConnections
        self.clock = clock
    }
}

/// The loop of each thread, in a thread-specific slot.
private enum ThreadLoop {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            // A thread that ends with a current loop releases it.
            guard let pointer else { return }
            Unmanaged<IOLoop>.fromOpaque(pointer).release()
        }
        precondition(result == 0, "pthread_key_create: \(result)")
        return key
    }()

    static func get() -> IOLoop? {
        guard let pointer = pthread_getspecific(key) else { return nil }
        return Unmanaged<IOLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    static func set(_ loop: IOLoop?) {
        let old = pthread_getspecific(key)
        pthread_setspecific(key, loop.map { UnsafeRawPointer(Unmanaged.passRetained($0).toOpaque()) })
        if let old { Unmanaged<IOLoop>.fromOpaque(old).release() }
    }
}
