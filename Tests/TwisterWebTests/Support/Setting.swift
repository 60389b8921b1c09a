import Testing
import TwisterIO
import TwisterTesting

/// The depths and the backends that a feature is tested with.
struct Setting: CustomTestStringConvertible, Sendable {
    let depth: TestDepth
    let backend: IOBackend

    static let all = TestDepth.allCases.flatMap { depth in
        [IOBackend.ioUring, .epoll].map { Setting(depth: depth, backend: $0) }
    }

    /// One of each: for features that do not depend on how depth and backend go together.
    static let each = [
        Setting(depth: .handler, backend: .epoll), Setting(depth: .inProcess, backend: .ioUring),
        Setting(depth: .live, backend: .epoll), Setting(depth: .live, backend: .ioUring),
    ]

    var testDescription: String { "\(depth), \(backend)" }

    func configuration(_ clock: TestClock = .real) -> TestConfiguration {
        var configuration = TestConfiguration()
        configuration.backend = backend
        configuration.clock = clock
        return configuration
    }
}
