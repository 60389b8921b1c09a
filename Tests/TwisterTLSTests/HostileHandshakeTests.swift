import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

/// Clients that break off, say nonsense or stop within their handshakes.
@Suite("Hostile TLS handshakes")
struct HostileHandshakeTests {
    /// The first message of a client, with which the server begins to respond.
    private static let hello: [UInt8] = {
        do {
            let context = try SSLContext(clientOptions(), serverSide: false)
            let host = RecordingHost()
            TLSFilter(TLSLoop(SecuredUsage(), maxHandshakes: 1), context, hostName: "localhost").start(host)
            return host.transmitted
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    /// What the bytes lead to: a server's filter gets them in these pieces, and then the end.
    private static func outcome(_ pieces: [ArraySlice<UInt8>], endsAfter: Bool = false) throws -> RecordingHost {
        let context = try SSLContext(localhostOptions(), serverSide: true)
        let host = RecordingHost()
        var usage = SecuredUsage()
        usage.responseToPlainText = { Array("no TLS".utf8) }
        let filter = TLSFilter(TLSLoop(usage, maxHandshakes: 8), context)
        filter.start(host)
        for piece in pieces { Array(piece).withUnsafeBytes { filter.receive($0) } }
        if endsAfter { filter.receiveEnd() }
        filter.streamClosed()
        return host
    }

    @Test("IOS-18: a ClientHello is understood wherever it is cut, and its end at each byte is an error")
    func everyCut() throws {
        let hello = Self.hello
        try #require(hello.count > 200)
        for place in 0...hello.count {
            let whole = try Self.outcome([hello[..<place], hello[place...]])
            #expect(whole.transmitted.count > 500 && whole.error == nil, "cut at \(place)")
            let part = try Self.outcome([hello[..<place]], endsAfter: true)
            #expect((part.error as? SSLError)?.reason == .truncated, "ended at \(place)")
            if place < hello.count { #expect(part.transmitted.isEmpty) }
        }
        let bytes = try Self.outcome(hello.indices.map { hello[$0...$0] })
        #expect(bytes.transmitted.count > 500 && bytes.error == nil)
    }

    @Test("IOS-18: a ClientHello with a changed byte never traps, and fails or goes on")
    func everyByte() throws {
        let hello = Self.hello
        for place in hello.indices {
            for change: UInt8 in [0x01, 0x80, 0xFF] {
                var changed = hello
                changed[place] ^= change
                _ = try Self.outcome([changed[...]], endsAfter: true)
            }
        }
    }

    @Test("IOS-18: bytes that are no TLS get an alert, and text the text that the server has for it")
    func nonsense() throws {
        let binary = try Self.outcome([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]])
        #expect((binary.error as? SSLError)?.reason == .protocolViolation)
        let text = try Self.outcome([Array("GET / HTTP/1.1\r\n\r\n".utf8)[...]])
        #expect((text.error as? SSLError)?.reason == .plainText)
        #expect(text.transmitted == Array("no TLS".utf8))
        let long = try Self.outcome([[22, 3, 1, 0xFF, 0xFF] + Array(repeating: 0, count: 300)])
        #expect((long.error as? SSLError)?.reason == .protocolViolation)
    }

    @Test("TCP-7: over the limit the oldest handshake ends, and a new client is served", arguments: testedBackends)
    func limit(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.maxHandshakes = 4
        try await withTLSServer(backend, options) { loop, port in
            let slow = try (0..<12).map { _ in
                let client = try TestClient(port: port)
                try client.send(Array(Self.hello.prefix(100)))
                return client
            }
            // All of them have arrived once this one is through.
            try await Task.sleep(for: .milliseconds(100))
            let stream = try await connect(loop, port)
            try await stream.write("a\n")
            #expect(text(try await stream.readUntil("\n")) == "a\n")
            stream.close()
            // Eight went before, one for the client that was served.
            for client in slow.prefix(8) { #expect(try client.isClosed()) }
        }
    }

    @Test("TCP-7: with a limit of one, each new handshake ends the one before")
    func limitOfOne() {
        final class Handshake: HandshakeUnderWay {
            let queue: HandshakeQueue
            var number: UInt64 = 0
            var isGivenUp = false

            init(_ queue: HandshakeQueue) {
                self.queue = queue
                number = queue.begin(self)
            }

            func giveUpHandshake() {
                isGivenUp = true
                queue.end(number)
            }
        }
        let queue = HandshakeQueue(limit: 1)
        let all = (0..<5).map { _ in
            let made = Handshake(queue)
            #expect(queue.count == 1)
            return made
        }
        #expect(all.map(\.isGivenUp) == [true, true, true, true, false])
        // The queue holds a handshake until it ends.
        queue.end(all[4].number)
        #expect(queue.count == 0)
    }

    @Test("TCP-7: first messages that never end hold no more bytes than all of them may", arguments: testedBackends)
    func manyLongMessages(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.maxHandshakes = 64
        try await withTLSServer(backend, options) { loop, port in
            // Two bytes of the message in each record, so that 60,000 bytes do not complete it.
            let record: [UInt8] = [22, 3, 1, 0, 2]
            let pieces = [record + [1, 0], record + [0x7F, 0xF0]] + Array(repeating: record + [0, 0], count: 8000)
            let endless = Array(pieces.joined().prefix(50_000))
            // 256 KiB in all: there is room for five.
            let slow = try (0..<12).map { _ in
                let client = try TestClient(port: port)
                try client.send(endless)
                return client
            }
            try await Task.sleep(for: .milliseconds(100))
            let stream = try await connect(loop, port)
            try await stream.write("a\n")
            #expect(text(try await stream.readUntil("\n")) == "a\n")
            stream.close()
            for client in slow.prefix(7) { #expect(try client.isClosed()) }
        }
    }

    @Test("IOS-19: several may wait for one handshake")
    func severalWait() throws {
        let context = try SSLContext(localhostOptions(), serverSide: true)
        let filter = TLSFilter(TLSLoop(SecuredUsage(), maxHandshakes: 8), context)
        filter.start(RecordingHost())
        var told: [Int] = []
        for index in 0..<3 {
            filter.whenHandshakeEnds { result in
                if case .failure = result { told.append(index) }
            }
        }
        filter.streamClosed()
        filter.whenHandshakeEnds { _ in told.append(3) }
        #expect(told == [0, 1, 2, 3])
    }

    @Test("IOS-19: a handshake that takes too long ends", arguments: testedBackends)
    func deadline(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.handshakeTimeout = .milliseconds(200)
        try await withTLSServer(backend, options) { loop, port in
            for bytes in [[], Array(Self.hello.prefix(150))] {
                let slow = try await inTime(.milliseconds(200)) {
                    let slow = try await TCPClient(loop).connect(host: "127.0.0.1", port: port)
                    try await slow.write(bytes)
                    return slow
                }
                #expect(try await slow.readUntilClose().isEmpty)
                slow.close()
            }
        }
    }
}

/// Stands for the stream of a filter, and notes what the filter does.
final class RecordingHost: StreamFilterHost {
    var transmitted: [UInt8] = []
    var delivered: [UInt8] = []
    var isOpen = false
    var hasEnded = false
    var error: (any Error)?

    func deliver(_ bytes: UnsafeRawBufferPointer) { delivered += bytes }
    func deliverEnd() { hasEnded = true }
    func transmit(_ bytes: [UInt8]) { transmitted += bytes }
    func transmitEnd() {}
    func handshakeFinished() { isOpen = true }
    func fail(_ error: any Error) { self.error = error }
}
