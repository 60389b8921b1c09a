import Glibc
package import TwisterIO

/// The filter that stands on the streams of the tests, by the environment variable `TWISTER_TEST_FILTER`; without it there
/// is none.
///
/// The whole of TwisterHTTPTests and the stream tests of TwisterIOTests run through each of them, since the protocols above
/// must not see a difference. A test that cannot hold through a filter says so by `.disabled(if: TestFilter.isOn, "why")`.
package enum TestFilter: String {
    /// Each byte is changed, after a handshake. The test's own end of a connection has to do the same.
    case flip
    /// Bytes go on some milliseconds later.
    case delay
    /// Bytes go on in small pieces.
    case split

    package static let current: TestFilter? = {
        guard let value = getenv("TWISTER_TEST_FILTER") else { return nil }
        let name = String(cString: value)
        guard !name.isEmpty else { return nil }
        guard let filter = TestFilter(rawValue: name) else { fatalError("no such TWISTER_TEST_FILTER: \(name)") }
        return filter
    }()

    package static var isOn: Bool { current != nil }

    /// - Parameter loop: the stream's loop; nil: the filter is used by that loop's run only.
    package func make(on loop: IOLoop? = nil) -> any StreamFilter {
        switch self {
        case .flip: FlippingFilter()
        case .delay: DelayingFilter(on: loop)
        case .split: SplittingFilter()
        }
    }

    /// Puts the filter of this run on a stream, if there is one.
    package static func add(to stream: IOStream) {
        if let current { stream.addFilter(current.make(on: stream.loop)) }
    }

    // MARK: The end of a connection that is a bare socket

    /// What that end sends first, and receives first.
    package static var greeting: [UInt8] { current == .flip ? FlippingFilter.greeting : [] }

    /// The bytes as they are on the wire, or back.
    package static func changed(_ bytes: [UInt8]) -> [UInt8] {
        current == .flip ? bytes.withUnsafeBytes(FlippingFilter.changed) : bytes
    }
}

/// Changes each byte, and begins with four bytes each way, as the smallest thing that is like TLS.
package final class FlippingFilter: StreamFilter {
    /// The peer said something else, or ended within the greeting.
    package struct NoGreeting: Error {}

    package static let greeting = Array("flip".utf8)
    private var host: (any StreamFilterHost)?
    /// The part of the peer's greeting that is still to come.
    private var expected = greeting[...]

    package init() {}

    /// Eight bytes at a time, since tests move megabytes and are not optimised.
    package static func changed(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let words = bytes.count / 8 + 1
        return [UInt8](unsafeUninitializedCapacity: words * 8) { room, count in
            UnsafeMutableRawBufferPointer(room).copyMemory(from: bytes)
            room.withMemoryRebound(to: UInt64.self) { room in
                var index = 0
                while index < words {
                    room[index] ^= 0x5A5A_5A5A_5A5A_5A5A
                    index += 1
                }
            }
            count = bytes.count
        }
    }

    package func start(_ host: any StreamFilterHost) {
        self.host = host
        host.transmit(Self.greeting)
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        let greeted = min(bytes.count, expected.count)
        guard expected.prefix(greeted).elementsEqual(bytes.prefix(greeted)) else {
            return host?.fail(NoGreeting()) ?? ()
        }
        expected = expected.dropFirst(greeted)
        if greeted > 0, expected.isEmpty { host?.handshakeFinished() }
        guard greeted < bytes.count else { return }
        Self.changed(UnsafeRawBufferPointer(rebasing: bytes[greeted...])).withUnsafeBytes { host?.deliver($0) }
    }

    package func receiveEnd() { if expected.isEmpty { host?.deliverEnd() } else { host?.fail(NoGreeting()) } }

    package func send(_ bytes: UnsafeRawBufferPointer) { host?.transmit(Self.changed(bytes)) }

    package func sendEnd() { host?.transmitEnd() }

    package func streamClosed() { host = nil }
}

/// Hands everything on some milliseconds later, in order, both ways and the ends too.
package final class DelayingFilter: StreamFilter {
    private let delay: Duration
    private let loop: IOLoop?
    private var host: (any StreamFilterHost)?
    private var late: [(any StreamFilterHost) -> Void] = []

    package init(_ delay: Duration = .milliseconds(2), on loop: IOLoop? = nil) {
        self.delay = delay
        self.loop = loop
    }

    private func later(_ action: @escaping (any StreamFilterHost) -> Void) {
        late.append(action)
        // In order, whatever the order of timers that are due at the same time.
        guard let loop = loop ?? IOLoop.currentIfAny else { preconditionFailure("DelayingFilter: used off its loop") }
        loop.callLater(delay) { [self] in
            let next = late.removeFirst()
            if let host { next(host) }
        }
    }

    package func start(_ host: any StreamFilterHost) {
        self.host = host
        later { $0.handshakeFinished() }
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        let bytes = Array(bytes)
        later { host in bytes.withUnsafeBytes { host.deliver($0) } }
    }

    package func receiveEnd() { later { $0.deliverEnd() } }

    package func send(_ bytes: UnsafeRawBufferPointer) {
        let bytes = Array(bytes)
        later { $0.transmit(bytes) }
    }

    package func sendEnd() { later { $0.transmitEnd() } }

    package func streamClosed() { host = nil }
}

/// Delivers and transmits in pieces of 1 to 7 bytes. Of much at once only the first and the last bytes are cut so, or large
/// bodies would take minutes.
package final class SplittingFilter: StreamFilter {
    private var host: (any StreamFilterHost)?
    private var size = 0
    private static let cut = 512

    package init() {}

    private func split(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var rest = bytes[...]
        while !rest.isEmpty {
            size = size % 7 + 1
            let done = bytes.count - rest.count
            let isMiddle = done >= Self.cut && rest.count > 2 * Self.cut
            let piece = rest.prefix(isMiddle ? rest.count - Self.cut : size)
            rest = rest.dropFirst(piece.count)
            body(UnsafeRawBufferPointer(rebasing: piece))
        }
    }

    package func start(_ host: any StreamFilterHost) {
        self.host = host
        host.handshakeFinished()
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) { split(bytes) { host?.deliver($0) } }
    package func receiveEnd() { host?.deliverEnd() }
    package func send(_ bytes: UnsafeRawBufferPointer) { split(bytes) { host?.transmit(Array($0)) } }
    package func sendEnd() { host?.transmitEnd() }
    package func streamClosed() { host = nil }
}
