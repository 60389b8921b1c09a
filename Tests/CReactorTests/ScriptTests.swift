import CReactor
import Glibc
import Testing

/// The same script of peers gives the same events on both backends, in the same order for each connection.
@Suite struct ScriptTests {
    enum Step {
        case peerWrites(Int), peerHalfCloses, peerResets, peerCloses, peerReads
        case start, stop, send(Int), shutDown, close
    }

    static let large = 4 << 20
    nonisolated(unsafe) static let payload: UnsafeRawBufferPointer = {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: large, alignment: 16)
        for index in 0..<large { bytes[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 9) }
        return UnsafeRawBufferPointer(bytes)
    }()

    static func script(seed: UInt64, connections: Int) -> [(Int, Step)] {
        var random = SeededGenerator(seed)
        return (0..<40).map { _ in
            let connection = Int.random(in: 0..<connections, using: &random)
            let step: Step =
                switch Int.random(in: 0..<24, using: &random) {
                case 0..<7: .peerWrites(Int.random(in: 1...20_000, using: &random))
                case 7: .peerHalfCloses
                case 8: .peerResets
                case 9: .peerCloses
                case 10..<13: .peerReads
                case 13..<16: .start
                case 16..<18: .stop
                case 18..<21: .send(Int.random(in: 1...5000, using: &random))
                case 21: .send(large)
                case 22: .shutDown
                default: .close
                }
            return (connection, step)
        }
    }

    /// A run of a script, with the events of each connection.
    struct Run {
        var traces: [[String]]
        private var received: [[UInt8]]
        private var peers: [CInt?]
        private var isSending: [Bool]
        private var isReceiving: [Bool]
        private var hasEnded: [Bool]
        /// Bytes that the peer wrote and that are not yet received.
        private var expected: [Int]
        private let handles: [UInt64]
        private let reactor: TestReactor

        init(_ backend: Backend, connections: Int) throws {
            reactor = try TestReactor(backend, capacity: 7)
            let pairs = try (0..<connections).map { _ in try Sockets.tcpPair() }
            peers = pairs.map(\.theirs)
            // Fixed sizes, because growing ones hold more in one run than in another.
            for fd in pairs.flatMap({ [$0.ours, $0.theirs] }) {
                for option in [SO_SNDBUF, SO_RCVBUF] {
                    var size: CInt = 200_000
                    setsockopt(fd, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<CInt>.size))
                }
            }
            let reactor = reactor
            handles = try pairs.enumerated().map { try reactor.adopt($1.ours, context: UInt64($0)) }
            hasEnded = Array(repeating: false, count: connections)
            isReceiving = Array(repeating: false, count: connections)
            expected = Array(repeating: 0, count: connections)
            isSending = Array(repeating: false, count: connections)
            traces = Array(repeating: [], count: connections)
            received = Array(repeating: [], count: connections)
        }

        /// RECEIVED events are merged, because the contract does not say how a stream is cut.
        private mutating func flushReceived(_ index: Int) {
            guard !received[index].isEmpty else { return }
            let sum = received[index].reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
            traces[index].append("received \(received[index].count) #\(sum)")
            received[index] = []
        }

        /// Takes events until none comes, and all bytes that were written to a receiving connection have come.
        private mutating func settle() {
            let deadline = now() + 2_000_000_000
            repeat {
                take(reactor.settle())
            } while expected.indices.contains { isReceiving[$0] && expected[$0] > 0 } && now() < deadline
        }

        private mutating func take(_ events: [Event]) {
            for event in events {
                let index = Int(event.context)
                if event.type == REACTOR_END { (isReceiving[index], hasEnded[index]) = (false, true) }
                if event.type == REACTOR_RECEIVED {
                    expected[index] -= event.bytes.count
                    received[index] += event.bytes
                    continue
                }
                if event.type == REACTOR_SENT { isSending[index] = false }
                flushReceived(index)
                traces[index].append("event \(event.type.rawValue) result \(event.result)")
            }
        }

        mutating func play(_ index: Int, _ step: Step) {
            let handle = handles[index]
            var result: CInt = 0
            switch step {
            case .peerWrites(let count):
                // No more than fits into the socket: a reset may or may not overtake bytes that are still in transit.
                if let peer = peers[index], expected[index] + count < 25_000 {
                    expected[index] += max(0, Sockets.write(peer, [UInt8](ScriptTests.payload[..<count])))
                }
            case .peerHalfCloses: if let peer = peers[index] { Glibc.shutdown(peer, CInt(SHUT_WR)) }
            case .peerResets:
                if let peer = peers[index] { Sockets.reset(peer) }
                expected[index] = 0
                peers[index] = nil
            case .peerCloses:
                if let peer = peers[index] { Glibc.close(peer) }
                peers[index] = nil
            case .peerReads:
                // Sent bytes may still be in transit: the peer reads on until all have arrived.
                let deadline = now() + 5_000_000_000
                var isMore = true
                while isMore, let peer = peers[index] {
                    isMore = !Sockets.drain(peer).isEmpty || (isSending[index] && now() < deadline)
                    settle()
                }
            case .start:
                result = reactor_recv_start(reactor.raw, handle)
                isReceiving[index] = result == 0 && !hasEnded[index]
            case .stop:
                result = reactor_recv_stop(reactor.raw, handle)
                isReceiving[index] = false
            case .send(let count):
                result = reactor_send(reactor.raw, handle, ScriptTests.payload.baseAddress, count)
                if result == 0 { isSending[index] = true }
            case .shutDown: result = reactor_shutdown(reactor.raw, handle)
            case .close:
                result = reactor_close(reactor.raw, handle)
                isReceiving[index] = false
            }
            settle()
            flushReceived(index)
            traces[index].append("\(step) -> \(result)")
        }

        mutating func finish() {
            for (index, handle) in handles.enumerated() {
                _ = reactor_close(reactor.raw, handle)
                isReceiving[index] = false
                settle()
                flushReceived(index)
                #expect(reactor_close(reactor.raw, handle) == -ESTALE)
                if let peer = peers[index] { Glibc.close(peer) }
            }
            #expect(reactor.statistics.connections == 0)
            #expect(reactor.statistics.receive_buffers_out == 0)
        }
    }

    static func play(_ script: [(Int, Step)], on backend: Backend, connections: Int) throws -> [[String]] {
        var run = try Run(backend, connections: connections)
        for (connection, step) in script { run.play(connection, step) }
        run.finish()
        return run.traces
    }

    @Test("The same script gives the same events on both backends", arguments: 1...30 as ClosedRange<UInt64>)
    func sameEvents(seed: UInt64) throws {
        let script = Self.script(seed: seed, connections: 3)
        let traces = try Backend.available.map { try Self.play(script, on: $0, connections: 3) }
        for other in traces.dropFirst() {
            for (connection, (one, two)) in zip(traces[0], other).enumerated() where one != two {
                let at = zip(one, two).enumerated().first { $1.0 != $1.1 }?.offset ?? min(one.count, two.count)
                let (first, second) = (one[max(0, at - 3)...], two[max(0, at - 3)...])
                Issue.record("seed \(seed), connection \(connection), from \(at): \(first) but \(second)")
            }
        }
    }

    @Test("A trace ends with its one CLOSED", arguments: Backend.available)
    func closedIsLast(backend: Backend) throws {
        for seed in UInt64(100)..<105 {
            let traces = try Self.play(Self.script(seed: seed, connections: 2), on: backend, connections: 2)
            for trace in traces {
                let events = trace.filter { $0.hasPrefix("event") || $0.hasPrefix("received") }
                #expect(events.last?.hasPrefix("event 9") == true)
                #expect(events.filter { $0.hasPrefix("event 9") }.count == 1)
            }
        }
    }
}
