import Glibc

/// A stream that is being connected.
protocol ConnectingStream: AnyObject, SendableMetatype {
    func close()
}

/// Connects to the first of several addresses that accepts: Happy Eyeballs (RFC 6555). Used on the loop's thread only.
///
/// The addresses of the first one's family are tried one after the other. The addresses of the other family are tried at the
/// same time, beginning after 300 ms or as soon as a first attempt has failed. The first connection that is established is
/// returned; the other attempts are closed.
///
/// Tornado: `tcpclient._Connector`.
final class Connector<Stream: ConnectingStream> {
    /// Begins to connect to an address; the closure gets 0 or the error number, once.
    typealias Open = (SocketAddress, @escaping (CInt) -> Void) throws(IOError) -> Stream

    /// The delay until the other family is tried, too.
    private static var fallbackDelay: Duration { .milliseconds(300) }

    private let loop: IOLoop
    private let target: String
    private let open: Open
    private var lanes: [ArraySlice<SocketAddress>] = [[], []]
    private var attempts: [Int: Stream] = [:]
    private var attemptCount = 0
    private var fallback: IOLoop.Timeout?
    private var deadline: IOLoop.Timeout?
    private var lastError: (any Error)?
    private var waiter: LoopWaiter<LoopBound<Stream>>?

    init(_ loop: IOLoop, _ target: String, open: @escaping Open) {
        self.loop = loop
        self.target = target
        self.open = open
    }

    /// Waits for the stream.
    ///
    /// - Parameter begin: calls `start` or `fail`, at once or later.
    func connect(timeout: Duration?, _ begin: () -> Void) async throws -> Stream {
        let waiter = LoopWaiter<LoopBound<Stream>>(loop) { [self] in finish(nil) }
        self.waiter = waiter
        if let timeout {
            deadline = loop.callLater(timeout) { [self] in
                fail(IOError(errno: ETIMEDOUT, "connect \(target)"))
            }
        }
        return try await waiter.value(after: begin).value
    }

    /// Begins to connect to the first address.
    func start(_ addresses: [SocketAddress]) {
        guard waiter != nil else { return }
        let first = addresses.first?.family
        lanes = [
            ArraySlice(addresses.filter { $0.family == first }), ArraySlice(addresses.filter { $0.family != first }),
        ]
        if !lanes[1].isEmpty {
            fallback = loop.callLater(Self.fallbackDelay) { [self] in startFallback() }
        }
        attemptNext(in: 0)
    }

    func fail(_ error: any Error) { finish(.failure(error)) }

    private func startFallback() {
        guard let timeout = fallback.take() else { return }
        loop.removeTimeout(timeout)
        attemptNext(in: 1)
    }

    private func attemptNext(in lane: Int) {
        guard waiter != nil else { return }
        guard let address = lanes[lane].popFirst() else {
            if attempts.isEmpty, lanes.allSatisfy(\.isEmpty) {
                fail(lastError ?? IOError(errno: EADDRNOTAVAIL, "connect \(target)"))
            }
            return
        }
        let attempt = attemptCount
        attemptCount += 1
        do throws(IOError) {
            attempts[attempt] = try open(address) { [self] code in ended(attempt, address, code, in: lane) }
        } catch {
            failed(error, in: lane)
        }
    }

    private func ended(_ attempt: Int, _ address: SocketAddress, _ code: CInt, in lane: Int) {
        guard waiter != nil, let stream = attempts.removeValue(forKey: attempt) else { return }
        if code == 0 { return finish(.success(stream)) }
        stream.close()
        failed(IOError(errno: code, "connect \(address)"), in: lane)
    }

    private func failed(_ error: IOError, in lane: Int) {
        lastError = error
        // After a first failure, the other family is tried without further delay.
        startFallback()
        attemptNext(in: lane)
    }

    /// Ends the attempts, once.
    ///
    /// - Parameter result: resumes the caller; nil if the caller was cancelled.
    private func finish(_ result: Result<Stream, any Error>?) {
        guard let waiter = waiter.take() else { return }
        if let fallback { loop.removeTimeout(fallback) }
        if let deadline { loop.removeTimeout(deadline) }
        fallback = nil
        deadline = nil
        let others = attempts.values
        attempts = [:]
        for stream in others { stream.close() }
        if let result { waiter.resume(with: result.map(LoopBound.init)) }
    }
}
