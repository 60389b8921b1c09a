import HTTPTypes
import TwisterHTTP
import TwisterIO

/// Responds with what the tests ask for, by path; and counts what happens to its requests.
final class Echo: HTTPServerConnectionDelegate {
    struct Counts: Sendable, Equatable {
        var executed = 0
        var closed = 0
        var cancelled = 0
        var finished = 0
    }

    /// How a handler ends its response.
    enum Ending: CaseIterable, Sendable {
        /// It calls `finish()`, and returns right after that.
        case finish
        /// It returns without having called `finish()`.
        case returning
    }

    private let ending: Ending
    // Not a Mutex: the thread sanitizer does not know it.
    private let counts = ConditionLock(Counts())
    private let isReleased = ConditionLock(false)

    init(_ ending: Ending = .finish) { self.ending = ending }

    var snapshot: Counts { counts.withLock { $0 } }

    /// Lets the handlers of `/held` go on. A shutdown of which they are told does so, too.
    func release() { isReleased.withLock { $0 = true } }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request, self) }

    func count(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }

    final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let echo: Echo

        init(_ request: HTTPServerRequest, _ echo: Echo) {
            self.request = request
            self.echo = echo
        }

        func headersReceived() -> HTTPBodyDelivery {
            ["/count", "/early", "/unread"].contains(request.path) ? .streamed(limit: nil) : .collected(limit: nil)
        }

        var cancelsOnDisconnect: Bool { !["/stubborn", "/outlives"].contains(request.path) }
        func onConnectionClose() { echo.count { $0.closed += 1 } }
        func onShutdown() { echo.release() }
        func exchangeEnded() { echo.count { $0.finished += 1 } }

        func execute() async throws {
            echo.count { $0.executed += 1 }
            let connection = request.connection
            switch request.path {
            case "/sleep", "/stubborn", "/unread":
                try await connection.loop.sleep(for: .milliseconds(Int(request.query) ?? 0))
                connection.write("slept")
            case "/held":
                while !echo.isReleased.withLock({ $0 }) { try await connection.loop.sleep(for: .milliseconds(5)) }
                connection.write("held")
            case "/outlives":
                while echo.snapshot.closed == 0 { try await connection.loop.sleep(for: .milliseconds(5)) }
                try await connection.loop.sleep(for: .milliseconds(50))
                connection.write("outlived")
            case "/count":
                var count = 0
                for try await chunk in request.bodyStream { count += chunk.count }
                connection.write("\(count)")
            case "/early": connection.write("early")
            case "/loop": connection.write("\(ObjectIdentifier(connection.loop))")
            case "/stream":
                for part in ["a", "bc", "def"] {
                    connection.write(part)
                    try await connection.flush()
                }
            case "/big":
                connection.write([UInt8](repeating: 120, count: Int(request.query) ?? 0))
            case "/begun":
                connection.write("begun")
                try await connection.flush()
                try await connection.loop.sleep(for: .seconds(600))
            case "/parts":
                for number in 0..<(Int(request.query) ?? 0) {
                    connection.write([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 100_000))
                    try await connection.flush()
                }
            case "/short":
                try connection.setHead(.ok, [.contentLength: "10"])
                connection.write("short")
            case "/long":
                try connection.setHead(.ok, [.contentLength: "1"])
                connection.write("long")
            case "/nothing": try connection.setHead(.noContent)
            case "/trailers":
                connection.write(request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ","))
            default:
                connection.write("\(request.method.rawValue) \(request.uri) \(request.host) ")
                connection.write(request.body)
            }
            if echo.ending == .finish { connection.finish() }
        }

        func executionFailed(_ error: any Error) async {
            let connection = request.connection
            if error is CancellationError { echo.count { $0.cancelled += 1 } }
            if connection.isClientDisconnected { connection.abort() } else { connection.respondToFailure(500) }
        }
    }
}
