import Glibc
import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

/// Fault 4: a body stream has one reader at a time.
@Suite("Readers of a body stream", .serialized)
struct BodyReaderTests {
    /// How many descriptors this process has open.
    private static func openDescriptors() -> Int {
        (0..<4096).count { fcntl(CInt($0), F_GETFD) != -1 }
    }

    /// Has two tasks read the body of each request; the second has to be refused.
    private static let twoReaders = Responding(delivery: .streamed(limit: nil)) { request in
        let loop = request.connection.loop
        let stream = LoopHeld(request.bodyStream)
        let count = LoopHeld(0)
        let first = Task(executorPreference: loop) {
            while let bytes = try await stream.value.next() { count.value += bytes.count }
        }
        // Until the first one waits for the body, which the client sends only after the 103.
        try await loop.sleep(for: .milliseconds(1))
        let second = await Task(executorPreference: loop) { _ = try await stream.value.next() }.result
        try request.connection.sendInformational(.earlyHints)
        try await first.value
        var outcome = "no error"
        do { try second.get() } catch { outcome = "\(type(of: error))" }
        request.connection.write("\(outcome) \(count.value)")
    }

    @Test(
        "fault 4: a second reader gets an error, the first goes on, both end, and nothing leaks",
        arguments: testedBackends)
    func secondReader(_ backend: IOBackend) async throws {
        try await withServers(backend, Self.twoReaders) { group in
            let before = Self.openDescriptors()
            for number in 0..<300 {
                let client = try TestClient(port: group.port ?? 0)
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(10 + number)\r\n\r\n")
                #expect(try client.receiveResponse().status == 103)
                try client.send([UInt8](repeating: 120, count: 10 + number))
                #expect(try client.receiveResponse().text == "AlreadyReadingError \(10 + number)")
            }
            let server = try #require(group.servers.first)
            try await eventually("all connections are closed") {
                try await server.value.loop.perform { server.value.connectionCount } == 0
            }
            // Other tests may have some open, but not so many.
            #expect(Self.openDescriptors() < before + 100)
        }
    }

    @Test(
        "fault 4: both readers end where the client disconnects, and the next reader may read",
        arguments: testedBackends)
    func disconnects(_ backend: IOBackend) async throws {
        let outcomes = Notes()
        let responding = Responding(delivery: .streamed(limit: nil)) { request in
            let loop = request.connection.loop
            let stream = LoopHeld(request.bodyStream)
            func reader(_ name: String) -> Task<Void, Never> {
                Task(executorPreference: loop) {
                    do {
                        while try await stream.value.next() != nil {}
                        outcomes.note("\(name) ended")
                    } catch {
                        outcomes.note("\(name) \(error)")
                    }
                }
            }
            let readers = [reader("first"), reader("second")]
            for reader in readers { await reader.value }
            await reader("third").value
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome")
            try await outcomes.wait(for: 1)
            client.reset()
            try await outcomes.wait(for: 3)
            #expect(
                outcomes.all == [
                    "second \(AlreadyReadingError())", "first clientDisconnected", "third clientDisconnected",
                ])
        }
    }

    @Test("fault 4: a reader that is cancelled makes room for the next one", arguments: testedBackends)
    func cancelled(_ backend: IOBackend) async throws {
        let responding = Responding(delivery: .streamed(limit: nil)) { request in
            let loop = request.connection.loop
            let stream = LoopHeld(request.bodyStream)
            let first = Task(executorPreference: loop) { _ = try await stream.value.next() }
            try await loop.sleep(for: .milliseconds(1))
            first.cancel()
            let result = await first.result
            #expect(throws: CancellationError.self) { try result.get() }
            try request.connection.sendInformational(.earlyHints)
            var count = 0
            for try await bytes in request.bodyStream { count += bytes.count }
            request.connection.write("\(count)")
        }
        try await withServer(backend, responding) { port in
            let client = try TestClient(port: port)
            for _ in 0..<20 {
                let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
                #expect(try client.ask(head).status == 103)
                #expect(try client.ask("0123456789").text == "10")
            }
        }
    }
}
