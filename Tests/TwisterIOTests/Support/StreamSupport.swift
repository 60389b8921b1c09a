import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// One end of a socket pair that the test drives itself; closed with its last reference.
///
/// Where the tests run through a filter, it speaks as that filter does.
final class Peer: @unchecked Sendable {
    private(set) var fd: CInt
    /// So much of the filter's greeting is still to come.
    private var greetingLeft = TestFilter.greeting.count

    init(_ fd: CInt) {
        self.fd = fd
        _ = fcntl(fd, F_SETFL, O_NONBLOCK)
        if TestFilter.isOn { transmit(TestFilter.greeting) }
    }

    deinit { close() }

    /// Writes as many bytes as fit, and returns how many these were.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Int { transmit(TestFilter.changed(Array(bytes))) }

    @discardableResult
    private func transmit(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    @discardableResult
    func send(_ text: String) -> Int { send(text.utf8) }

    /// Returns the bytes that have arrived.
    func receive(_ limit: Int = 1 << 20) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(fd, &bytes, limit, 0)
        guard count > 0 else { return [] }
        let greeted = min(greetingLeft, count)
        greetingLeft -= greeted
        return TestFilter.changed(Array(bytes[greeted..<count]))
    }

    func shutDown() { _ = shutdown(fd, CInt(SHUT_WR)) }

    func close() {
        guard fd >= 0 else { return }
        // A socket that closes with something unread resets its connection.
        if greetingLeft > 0 { _ = receive(greetingLeft) }
        Glibc.close(fd)
        fd = -1
    }
}

/// Creates a stream and the test's own end of its connection.
func makeStream(_ loop: IOLoop, tcp: Bool = false) throws -> (stream: IOStream, peer: Peer) {
    let (mine, theirs) = tcp ? makeTCPPair() : makeSocketPair()
    // A process that another test starts must not hold the other end open.
    for fd in [mine, theirs] { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
    let stream = try IOStream(loop, fileDescriptor: mine)
    TestFilter.add(to: stream)
    return (stream, Peer(theirs))
}

/// Connects to a server of the test, which has the filter of this run.
func connect(_ loop: IOLoop, host: String = "127.0.0.1", port: UInt16?) async throws -> IOStream {
    let stream = try await TCPClient(loop).connect(host: host, port: port ?? 0)
    TestFilter.add(to: stream)
    return stream
}

extension IOLoop {
    /// Lets other tasks and a few turns pass.
    func pass(_ milliseconds: Int = 5) async throws { try await sleep(for: .milliseconds(milliseconds)) }

    /// Waits until `condition` holds, at most twenty seconds.
    func until(_ condition: () -> Bool) async throws {
        for _ in 0..<10_000 {
            if condition() { return }
            try await pass(2)
        }
        #expect(condition())
    }
}

/// Starts a task of the loop that uses an object which must not leave the loop's thread.
func inTask<Value: Sendable, Held>(
    _ loop: IOLoop, _ held: Held, _ body: @escaping @Sendable (Held) async throws -> Value
) -> Task<Value, any Error> {
    let transfer = LoopBound(held)
    return Task(executorPreference: loop) { try await body(transfer.value) }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Returns how many open descriptors of this process are sockets that listen on `port`.
func listeners(on port: UInt16) -> Int {
    (0..<1024).count { fd in
        var listening: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(CInt(fd), SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0
            && SocketAddress.local(of: CInt(fd))?.port == port
    }
}
