import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

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

    /// Takes `bytes` every 20 ms, for `duration` at most; returns what came, and whether the server has cut the connection.
    private func trickle(
        _ client: TestClient, _ bytes: Int, for duration: Duration
    ) async throws -> (count: Int, isCut: Bool) {
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < duration {
            guard let some = try client.receive(bytes) else { return (count, true) }
            count += some.count
            try await Task.sleep(for: .milliseconds(20))
        }
        return (count, false)
    }

    @Test("N-13: a client that trickles is cut off, and reset", arguments: testedBackends)
    func trickling(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo(), configure: Self.configure) { port in
            let client = try TestClient(port: port, receiveBuffer: 8192)
            try client.send(Self.get)
            let start = ContinuousClock.now
            // Some 50 kB a second: it never stalls.
            let (count, isCut) = try await trickle(client, 1_000, for: .seconds(8))
            #expect(isCut, "after \(count) bytes")
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("N-13: without a least rate it is not", arguments: testedBackends)
    func noRate(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            Self.configure(&$0)
            $0.minWriteRate = 0
        } _: { port in
            let client = try TestClient(port: port, receiveBuffer: 8192)
            try client.send(Self.get)
            let (count, isCut) = try await trickle(client, 1_000, for: .seconds(3))
            #expect(!isCut, "after \(count) bytes")
        }
    }

    @Test(
        "N-13: a slow client gets its response, though the kernel takes nothing for longer than the stall time",
        arguments: testedBackends)
    func honest(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            Self.configure(&$0)
            $0.minWriteRate = 50_000
        } _: { port in
            let client = try TestClient(port: port, receiveBuffer: 65_536)
            try client.send(Self.get)
            let (count, isCut) = try await trickle(client, 8_000, for: .seconds(4))
            #expect(!isCut, "after \(count) bytes")
            #expect(count < 2_000_000, "the test was to be slow")
            var rest = 0
            while count + rest < Self.size, let some = try client.receive() { rest += some.count }
            #expect(count + rest >= Self.size)
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
    /// for `pause`; returns how much the client got of all of it.
    private func lumps(_ backend: IOBackend, pause: Duration) async throws -> (count: Int, of: Int) {
        let (rounds, size) = (3, 8_000_000)
        let responding = Responding { request in
            try request.connection.setHead(.ok, [.contentLength: "\(rounds * size)"])
            for _ in 0..<rounds {
                request.connection.write([UInt8](repeating: 120, count: size))
                try await request.connection.flush()
                try await request.connection.loop.sleep(for: pause)
            }
        }
        var count = 0
        try await withServer(backend, responding) {
            $0.writeStallTimeout = .milliseconds(1_200)
            $0.minWriteRate = 100_000_000
        } _: { port in
            let client = try TestClient(port: port, receiveBuffer: 65_536)
            try client.send(Self.get)
            for round in 1...rounds {
                // Long enough for two looks at a client that takes nothing, and too short for it to be late.
                try await Task.sleep(for: (round == 1 ? .zero : pause) + .milliseconds(700))
                while count < round * size, let some = try client.receive() { count += some.count }
            }
        }
        return (count, rounds * size)
    }

    @Test("N-13: what waits again, after nothing did for long, is measured anew", arguments: testedBackends)
    func pauses(_ backend: IOBackend) async throws {
        let (count, whole) = try await lumps(backend, pause: .seconds(1))
        #expect(count >= whole)
    }

    @Test("N-13: who takes everything now and then is measured all the same", arguments: testedBackends)
    func shortPauses(_ backend: IOBackend) async throws {
        let (count, whole) = try await lumps(backend, pause: .milliseconds(50))
        #expect(count < whole)
    }

    @Test("N-13: with a response that has no end, who trickles is cut off in the middle", arguments: testedBackends)
    func endless(_ backend: IOBackend) async throws {
        let responding = Responding { request in
            while true {
                request.connection.write([UInt8](repeating: 120, count: 30_000))
                try await request.connection.flush()
            }
        }
        try await withServer(backend, responding, configure: Self.configure) { port in
            let slow = try TestClient(port: port, receiveBuffer: 8192)
            try slow.send(Self.get)
            let honest = try TestClient(port: port, receiveBuffer: 65_536)
            try honest.send(Self.get)
            async let other = trickle(honest, 32_000, for: .seconds(4))
            let (count, isCut) = try await trickle(slow, 1_000, for: .seconds(8))
            #expect(isCut, "after \(count) bytes")
            let (otherCount, isOtherCut) = try await other
            #expect(!isOtherCut, "after \(otherCount) bytes")
        }
    }
}
