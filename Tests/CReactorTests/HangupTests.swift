import CReactor
import Glibc
import Testing

/// HANGUP: peers that leave while receiving is stopped. Each scenario gives the same events on both backends.
@Suite struct HangupTests {
    /// One connection and the events that it has reported.
    final class Scene {
        let reactor: TestReactor
        let handle: UInt64
        private(set) var peer: CInt
        private(set) var trace: [String] = []

        init(_ backend: Backend, isUnix: Bool = false) throws {
            reactor = try TestReactor(backend)
            let pair = try isUnix ? Sockets.unixPair() : Sockets.tcpPair()
            peer = pair.theirs
            handle = try reactor.adopt(pair.ours)
        }

        deinit { if peer >= 0 { Glibc.close(peer) } }

        func start() { #expect(reactor_recv_start(reactor.raw, handle) == 0) }
        func stop() { #expect(reactor_recv_stop(reactor.raw, handle) == 0) }
        func close() { #expect(reactor_close(reactor.raw, handle) == 0) }
        func shutDown() { #expect(reactor_shutdown(reactor.raw, handle) == 0) }
        func send(_ count: Int) {
            #expect(reactor_send(reactor.raw, handle, SendTests.payload.baseAddress, count) == 0)
        }
        func peerWrites(_ count: Int) { Sockets.write(peer, Array(repeating: 7, count: count)) }
        func peerEnds() { Glibc.shutdown(peer, CInt(SHUT_WR)) }
        func peerResets() {
            Sockets.reset(peer)
            peer = -1
        }
        func peerCloses() {
            Glibc.close(peer)
            peer = -1
        }

        /// Waits until nothing happens any more, and checks that a longer wait is then quiet, too.
        func settle() {
            note(reactor.settle())
            let begin = now()
            var waits = 0
            while now() - begin < 10_000_000, waits < 20 {
                note(reactor.wait(milliseconds: 10))
                waits += 1
            }
            #expect(waits <= 10, "no spin")
        }

        /// Lets the peer read until the send is over.
        func peerReadsAll() {
            note(
                reactor.collect { events in
                    _ = Sockets.drain(peer)
                    return events.contains { $0.type == REACTOR_SENT }
                })
        }

        private func note(_ events: [Event]) {
            for event in events {
                switch event.type {
                case REACTOR_RECEIVED: trace.append("received \(event.result)")
                case REACTOR_END: trace.append("end \(event.result)")
                case REACTOR_SENT: trace.append("sent \(event.result)")
                case REACTOR_HANGUP: trace.append("hangup \(event.result)")
                case REACTOR_CLOSED: trace.append("closed")
                default: trace.append("event \(event.type.rawValue)")
                }
            }
        }
    }

    struct Scenario: CustomTestStringConvertible {
        var testDescription: String
        var expected: [String]
        var isUnix = false
        var play: @Sendable (Scene) -> Void

        init(_ name: String, isUnix: Bool = false, _ expected: [String], _ play: @escaping @Sendable (Scene) -> Void) {
            testDescription = name
            self.expected = expected
            self.isUnix = isUnix
            self.play = play
        }
    }

    private static let reset = "hangup \(-ECONNRESET)"

    static let scenarios = [
        Scenario("the peer ends its side", ["hangup 0"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerEnds()
            $0.settle()
        },
        Scenario("the peer resets", [reset]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("the peer ends its side, then resets", ["hangup 0", reset]) {
            $0.start()
            $0.stop()
            $0.peerEnds()
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("the peer closes, and resets when it is sent to", ["hangup 0", "sent 0", reset]) {
            $0.start()
            $0.stop()
            $0.peerCloses()
            $0.settle()
            $0.send(5)
            $0.settle()
        },
        Scenario("what is unread, and the end, come when receiving starts again", ["hangup 0", "received 9", "end 0"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerWrites(9)
            $0.settle()
            $0.peerEnds()
            $0.settle()
            $0.start()
            $0.settle()
        },
        Scenario("the reset comes when receiving starts again", [reset, "end \(-ECONNRESET)"]) {
            $0.start()
            $0.stop()
            $0.peerResets()
            $0.settle()
            $0.start()
            $0.settle()
        },
        Scenario("while receiving is on, END reports the end", ["end 0"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.start()
            $0.settle()
            $0.peerEnds()
            $0.settle()
            $0.stop()
            $0.settle()
        },
        Scenario("while receiving is on, END reports the reset", ["end \(-ECONNRESET)"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.start()
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("the peer leaves while receiving is on, and receiving stops before END", ["hangup 0"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.start()
            $0.peerEnds()
            $0.stop()
            $0.settle()
        },
        Scenario("once each, however often receiving stops", ["hangup 0", reset]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerEnds()
            $0.settle()
            for _ in 0..<3 {
                $0.start()
                $0.stop()
            }
            $0.settle()
            $0.peerResets()
            $0.settle()
            $0.stop()
            $0.settle()
        },
        Scenario("a send that waits ends first", ["sent \(-ECONNRESET)", reset]) {
            $0.start()
            $0.stop()
            $0.send(SendTests.size)
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("a send that waits goes on when the peer only ends its side", ["hangup 0", "sent 0"]) {
            $0.start()
            $0.stop()
            $0.send(SendTests.size)
            $0.settle()
            $0.peerEnds()
            $0.settle()
            $0.peerReadsAll()
            $0.settle()
        },
        Scenario("both sides have ended: no error", ["hangup 0"]) {
            $0.start()
            $0.stop()
            $0.shutDown()
            $0.settle()
            $0.peerEnds()
            $0.settle()
            $0.peerCloses()
            $0.settle()
        },
        Scenario("nothing after END", ["end 0"]) {
            $0.start()
            $0.peerEnds()
            $0.settle()
            $0.stop()
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("a connection that was never stopped is not watched", []) {
            $0.settle()
            $0.peerResets()
            $0.settle()
        },
        Scenario("a peer that left before receiving was stopped, and never started", ["hangup 0"]) {
            $0.peerEnds()
            $0.settle()
            $0.stop()
            $0.settle()
        },
        Scenario("nothing after close", ["closed"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerResets()
            $0.close()
            $0.settle()
        },
        Scenario("close after the notice", ["hangup 0", "closed"]) {
            $0.start()
            $0.stop()
            $0.peerEnds()
            $0.settle()
            $0.close()
            $0.settle()
        },
        Scenario("a Unix socket's peer closes: nothing reaches it", isUnix: true, [reset, "received 4", "end 0"]) {
            $0.start()
            $0.stop()
            $0.settle()
            $0.peerWrites(4)
            $0.peerCloses()
            $0.settle()
            $0.start()
            $0.settle()
        },
        Scenario("a Unix socket's peer ends its side", isUnix: true, ["hangup 0"]) {
            $0.start()
            $0.stop()
            $0.peerEnds()
            $0.settle()
        },
    ]

    @Test("A peer that leaves while receiving is stopped", arguments: Backend.available, scenarios)
    func hangUp(backend: Backend, scenario: Scenario) throws {
        let scene = try Scene(backend, isUnix: scenario.isUnix)
        scenario.play(scene)
        #expect(scene.trace == scenario.expected)
    }

    @Test("A connect, stopped before it ended, whose peer leaves at once", arguments: Backend.available)
    func connecting(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let (fd, port) = try Sockets.listener()
        var address = Sockets.loopback(port: port)
        var handle: UInt64 = 0
        let client = socket(AF_INET, Sockets.stream, 0)
        #expect(Sockets.withSockaddr(&address) { reactor_connect(reactor.raw, client, $0, $1, 2, &handle) } == 0)
        #expect(reactor_recv_stop(reactor.raw, handle) == 0)
        let events = reactor.collect { !$0.isEmpty } + reactor.settle()
        #expect(events.map(\.type) == [REACTOR_CONNECTED])
        close(accept(fd, nil, nil))
        #expect(reactor.collect { !$0.isEmpty }.map(\.type) == [REACTOR_HANGUP])
        #expect(reactor.settle().isEmpty)
        close(fd)
        let refused = socket(AF_INET, Sockets.stream, 0)
        #expect(Sockets.withSockaddr(&address) { reactor_connect(reactor.raw, refused, $0, $1, 2, &handle) } == 0)
        #expect(reactor_recv_stop(reactor.raw, handle) == 0)
        #expect((reactor.collect { !$0.isEmpty } + reactor.settle()).map(\.type) == [REACTOR_CONNECTED])
        #expect(reactor_recv_start(reactor.raw, handle) == 0)
        #expect(reactor.settle().isEmpty, "only a close is of use after a failed connect")
    }

    @Test("A notice that finds no room is dropped when receiving has started again", arguments: Backend.available)
    func noRoom(backend: Backend) throws {
        let reactor = try TestReactor(backend, capacity: 1)
        let pairs = try (0..<2).map { _ in try Sockets.tcpPair() }
        let handles = try pairs.map { try reactor.adopt($0.ours) }
        for handle in handles { #expect(reactor_recv_stop(reactor.raw, handle) == 0) }
        _ = reactor.settle()
        for pair in pairs { close(pair.theirs) }
        let first = reactor.collect { !$0.isEmpty }
        #expect(first.map(\.type) == [REACTOR_HANGUP])
        let other = handles[first[0].handle == handles[0] ? 1 : 0]
        #expect(reactor_recv_start(reactor.raw, other) == 0)
        #expect(
            reactor.settle().map { [UInt64($0.type.rawValue), $0.handle] } == [[UInt64(REACTOR_END.rawValue), other]])
    }
}
