import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

/// N-13: a client that takes its response too slowly is cut off, one that is slow but honest is not.
@Suite(
    .serialized,
    .disabled(if: TestClient.speaksHTTP2, "a client that reads slowly opens no windows; HTTP2ProgressTests has those"))
struct SlowReaderTests {
    /// More than the kernel's buffers hold.
    private static let size = 20_000_000
    private static let get = "GET /big?\(size) HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func configure(_ configuration: inout HTTPServer.Configuration) {
        configuration.writeStallTimeout = .milliseconds(800)
        configuration.minWriteRate = 200_000
    }

    /// How long the machine has held up the test and the loop of its server at most.
    private final class Delays: Sendable {
        private let longest = ConditionLock(Duration.zero)
        private let isOver = ConditionLock(false)

        /// Whether the times of the test have been about as they are meant to be.
        var areShort: Bool { longest.withLock { $0 } < .milliseconds(250) }

        func sleep(_ duration: Duration, on loop: IOLoop? = nil) async throws {
            let start = ContinuousClock.now
            if let loop { try await loop.sleep(for: duration) } else { try await Task.sleep(for: duration) }
            let delay = ContinuousClock.now - start - duration
            longest.withLock { $0 = max($0, delay) }
        }

        func watch(_ loop: IOLoop) {
            Task(executorPreference: loop) {
                while !self.isOver.withLock({ $0 }) { try await self.sleep(.milliseconds(20), on: loop) }
            }
        }

        func end() { isOver.withLock { $0 = true } }
    }

    /// Runs `body`, which returns what is wrong, or nil, against a server of its own; and again where the machine was too
    /// busy for what is wrong to say anything.
    private func unhurried(
        _ backend: IOBackend, _ delegate: any HTTPServerConnectionDelegate,
        configure: (inout HTTPServer.Configuration) -> Void, _ body: (UInt16, Delays) async throws -> String?
    ) async throws {
        for _ in 0..<20 {
            let delays = Delays()
            let fault = try await withServers(backend, delegate, configure: configure) { servers -> String? in
                for server in servers.servers { delays.watch(server.value.loop) }
                defer { delays.end() }
                return try await body(servers.port ?? 0, delays)
            }
            guard let fault else { return }
            if delays.areShort { throw TestFailure(fault) }
        }
        Issue.record("the machine is too busy")
    }

    /// Takes `bytes` every 20 ms, for `duration` at most; returns what came, and whether the server has cut the connection.
    private func trickle(
        _ client: TestClient, _ bytes: Int, for duration: Duration, _ delays: Delays = Delays()
    ) async throws -> (count: Int, isCut: Bool) {
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < duration {
            guard let some = try client.receive(bytes) else { return (count, true) }
            count += some.count
            try await delays.sleep(.milliseconds(20))
        }
        return (count, false)
    }

    @Test("N-13: a client that trickles is cut off, and reset", arguments: testedBackends)
    func trickling(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo(), configure: Self.configure) { port in
            let client = try TestClient(port: port, receiveBuffer: 8192)
            try client.send(Self.get)
            // Some 50 kB a second: it never stalls.
            let (count, isCut) = try await trickle(client, 1_000, for: .seconds(20))
            #expect(isCut, "after \(count) bytes")
        }
    }

    @Test("N-13: without a least rate it is not", arguments: testedBackends)
    func noRate(_ backend: IOBackend) async throws {
        try await unhurried(backend, Echo()) {
            Self.configure(&$0)
            $0.minWriteRate = 0
        } _: { port, delays in
            let client = try TestClient(port: port, receiveBuffer: 8192)
            try client.send(Self.get)
            let (count, isCut) = try await trickle(client, 1_000, for: .seconds(3), delays)
            return isCut ? "cut off after \(count) bytes" : nil
        }
    }

    @Test(
        "N-13: a slow client gets its response, though the kernel takes nothing for longer than the stall time",
        arguments: testedBackends)
    func honest(_ backend: IOBackend) async throws {
        try await unhurried(backend, Echo()) {
            Self.configure(&$0)
            $0.minWriteRate = 50_000
        } _: { port, delays in
            let client = try TestClient(port: port, receiveBuffer: 65_536)
            try client.send(Self.get)
            let (count, isCut) = try await trickle(client, 8_000, for: .seconds(4), delays)
            guard !isCut else { return "cut off after \(count) bytes" }
            #expect(count < 2_000_000, "the test was to be slow")
            var rest = 0
            while count + rest < Self.size, let some = try client.receive() {
                rest += some.count
                if rest % 64 == 0 { try await delays.sleep(.milliseconds(1)) }
            }
            return count + rest >= Self.size ? nil : "cut off after \(count + rest) bytes"
        }
    }

    @Test("N-13: a handler that writes slowly is not its client's fault", arguments: testedBackends)
    func slowHandler(_ backend: IOBackend) async throws {
        let responding = Responding { request in
            for _ in 0..<100 {
                request.connection.write("some bytes")
                try await request.connection.flush()
                try await request.connection.loop.sleep(for: .milliseconds(20))
            }
        }
        try await withServer(backend, responding) {
            $0.writeStallTimeout = .milliseconds(200)
            $0.minWriteRate = 1_000_000
        } _: { port in
            let response = try TestClient(port: port).get("/")
            #expect(response.body.count == 1_000)
        }
    }

    /// Three times some megabytes, each of which the client leaves for 700 ms and then takes, and between which nothing waits
    /// for `pause`. Whether the client gets all of it has to be `isWhole`.
    private func lumps(_ backend: IOBackend, pause: Duration, isWhole: Bool) async throws {
        let (rounds, size) = (3, 8_000_000)
        let responding = Responding { request in
            try request.connection.setHead(.ok, [.contentLength: "\(rounds * size)"])
            for _ in 0..<rounds {
                request.connection.write([UInt8](repeating: 120, count: size))
                try await request.connection.flush()
                try await request.connection.loop.sleep(for: pause)
            }
        }
        try await unhurried(backend, responding) {
            $0.writeStallTimeout = .milliseconds(1_200)
            $0.minWriteRate = 100_000_000
        } _: { port, delays in
            var count = 0
            let client = try TestClient(port: port, receiveBuffer: 65_536)
            try client.send(Self.get)
            for round in 1...rounds {
                // Long enough for two looks at a client that takes nothing, and too short for it to be late.
                try await delays.sleep((round == 1 ? .zero : pause) + .milliseconds(700))
                while count < round * size, let some = try client.receive() { count += some.count }
            }
            return (count >= rounds * size) == isWhole ? nil : "\(count) bytes of \(rounds * size)"
        }
    }

    @Test("N-13: what waits again, after nothing did for long, is measured anew", arguments: testedBackends)
    func pauses(_ backend: IOBackend) async throws {
        try await lumps(backend, pause: .seconds(1), isWhole: true)
    }

    @Test("N-13: who takes everything now and then is measured all the same", arguments: testedBackends)
    func shortPauses(_ backend: IOBackend) async throws {
        try await lumps(backend, pause: .milliseconds(50), isWhole: false)
    }

    @Test("N-13: with a response that has no end, who trickles is cut off in the middle", arguments: testedBackends)
    func endless(_ backend: IOBackend) async throws {
        let responding = Responding { request in
            while true {
                request.connection.write([UInt8](repeating: 120, count: 30_000))
                try await request.connection.flush()
            }
        }
        try await unhurried(backend, responding, configure: Self.configure) { port, delays in
            let slow = try TestClient(port: port, receiveBuffer: 8192)
            try slow.send(Self.get)
            let honest = try TestClient(port: port, receiveBuffer: 65_536)
            try honest.send(Self.get)
            async let other = trickle(honest, 32_000, for: .seconds(4), delays)
            let (count, isCut) = try await trickle(slow, 1_000, for: .seconds(20))
            let (otherCount, isOtherCut) = try await other
            #expect(isCut, "after \(count) bytes")
            return isOtherCut ? "the other one is cut off after \(otherCount) bytes" : nil
        }
    }
}
