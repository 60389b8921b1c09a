import FoundationEssentials
import Glibc
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Hostile clients and files: responses stay within bounds, and nothing stays open.
@Suite("Static files, hostile", .serialized)
struct StaticFileHostileTests {
    /// More than all buffers of a connection over 127.0.0.1 hold.
    private static let size = 24 << 20
    private static let request = "GET /static/large HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let small = "GET /static/small HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func application(_ files: TemporaryFiles, _ precompressed: [PrecompressedCoding] = []) throws
        -> Application
    {
        let root = files.root
        return try Application([
            URLSpec("/static/(.*)") { StaticFileHandler($0, root: root, precompressed: precompressed) }
        ])
    }

    /// Makes the files `large`, of which no two pieces are equal, and `small`.
    private static func makeFiles() throws -> (TemporaryFiles, [UInt8]) {
        let files = try TemporaryFiles()
        let content = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: index &* 167 &+ index >> 9) }
            count = size
        }
        try files.write(content, at: "large")
        try files.write("small", at: "small")
        return (files, content)
    }

    /// Requests `large` and `small` on one connection, and receives the first bytes of the response.
    private static func askForBoth(_ port: UInt16) throws -> (TestClient, [UInt8]) {
        let client = try TestClient(port: port)
        try client.send(request + small)
        return (client, try #require(try client.receive(100)))
    }

    /// Receives until the response to `small` has arrived.
    private static func receive(_ received: inout [UInt8], throughSmall client: TestClient) throws {
        while !received.suffix(5).elementsEqual("small".utf8) { received += try #require(try client.receive()) }
    }

    private static func isSame(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        left.count == right.count
            && left.withUnsafeBytes { left in
                right.withUnsafeBytes { right in
                    guard let left = left.baseAddress, let base = right.baseAddress else { return true }
                    return memcmp(left, base, right.count) == 0
                }
            }
    }

    @Test("BH-6: a slow client holds up no other one, and needs no memory", arguments: testedBackends)
    func slowClient(backend: IOBackend) async throws {
        let (files, content) = try Self.makeFiles()
        try await withServer(backend, Self.application(files)) { port in
            let (client, start) = try Self.askForBoth(port)
            var received = start
            let other = try TestClient(port: port)
            for _ in 0..<20 { #expect(try other.ask(Self.small).text == "small") }
            #expect(files.openCount == 1, "the file that is being sent, and no root")
            try Self.receive(&received, throughSmall: client)
            let end = Array("\r\n\r\n".utf8)
            let body = try #require(received.indices.first { received[$0...].starts(with: end) }) + 4
            #expect(Self.isSame(received[body..<(body + Self.size)], content[...]))
        }
        #expect(try await files.allClosed())
    }

    @Test("N-13: a client that stops to read is cut off, and its file closed", arguments: testedBackends)
    func stalled(backend: IOBackend) async throws {
        let (files, _) = try Self.makeFiles()
        let configure = { (configuration: inout HTTPServer.Configuration) in
            configuration.writeStallTimeout = .milliseconds(300)
        }
        try await withServer(backend, Self.application(files), configure: configure) { port in
            for _ in 0..<20 {
                let start = ContinuousClock.now
                let client = try TestClient(port: port)
                try client.send(Self.request + Self.request)
                #expect(try client.receive(100)?.count == 100)
                let openCount = files.openCount
                let isInTime = ContinuousClock.now - start < .milliseconds(300)
                #expect(try await files.allClosed())
                withExtendedLifetime(client) {}
                // Where the machine is too busy, the client may be cut off already when the files are counted.
                guard isInTime else { continue }
                // HTTP/2 serves both at once.
                #expect(openCount == (TestClient.speaksHTTP2 ? 2 : 1), "the second waits until the first is taken")
                return
            }
            Issue.record("the machine is too busy")
        }
    }

    @Test("a file that grows while it is sent is sent with the promised length", arguments: testedBackends)
    func grown(backend: IOBackend) async throws {
        let (files, content) = try Self.makeFiles()
        try await withServer(backend, Self.application(files)) { port in
            let (client, start) = try Self.askForBoth(port)
            var received = start
            try files.truncate("large", to: Self.size + 1000)
            try Self.receive(&received, throughSmall: client)
            #expect(received.count < Self.size + 1000)
            let next = try #require(
                received.suffix(600).indices.last { received[$0...].starts(with: "HTTP/1.1 ".utf8) })
            #expect(Self.isSame(received[(next - 1000)..<next], content.suffix(1000)))
        }
    }

    @Test("N-15: a server that shuts down finishes a file that is being sent", arguments: testedBackends)
    func drained(backend: IOBackend) async throws {
        let (files, content) = try Self.makeFiles()
        let servers = try await HTTPServerGroup(
            delegate: Self.application(files), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: servers.port ?? 0)
        try client.send(Self.request)
        var received = try #require(try client.receive(100))
        async let shutdown = servers.shutdown(deadline: .seconds(20))
        received += try client.receiveAll()
        _ = await shutdown
        #expect(received.count > Self.size && Self.isSame(received.suffix(Self.size), content[...]))
        #expect(try await files.allClosed())
    }

    @Test(
        "CVE-2011-3192: whatever ranges are requested, no response is longer than the file", arguments: testedBackends)
    func manyRanges(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        try files.write(content, at: "large")
        try files.write("small", at: "small")
        try await withServer(backend, Self.application(files)) { port in
            let client = try TestClient(port: port)
            let ask = { (ranges: [String]) in
                let range = ranges.joined(separator: ",")
                return try client.ask("GET /static/large HTTP/1.1\r\nHost: a\r\nRange: bytes=\(range)\r\n\r\n")
            }
            let overlapping = try ask((0..<16).map { "\($0)-" })
            #expect(overlapping.status == 206 && overlapping.body == content)
            let tooMany = try ask((0..<1000).map { "\($0)-" })
            #expect(tooMany.status == 200 && tooMany.body == content)
            let apart = try ask((0..<16).map { "\(18_000 * $0)-\(18_000 * $0 + 16_500)" })
            #expect(apart.status == 206 && apart.body.count < content.count)
            #expect(apart.body.count > 16 * 16_501)
            #expect(try client.ask(Self.small).text == "small", "the connection stays open")
        }
        #expect(try await files.allClosed())
    }

    @Test(
        "N-31: several ranges of what is compressed are the whole, as no part has the coding", arguments: testedBackends
    )
    func rangesOfCompressed(backend: IOBackend) async throws {
        let files = try TemporaryFiles()
        try files.write("abcdefghij", at: "text", modified: 1_700_000_000)
        try files.write("0123456789", at: "text.gz", modified: 1_700_000_000)
        try await withServer(backend, Self.application(files, [.gzip])) { port in
            let client = try TestClient(port: port)
            let ask = { (fields: String) in
                try client.ask("GET /static/text HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\(fields)\r\n")
            }
            let tag = try #require(try ask("").field("ETag"))
            let one = try ask("Range: bytes=2-3\r\nIf-Range: \(tag)\r\n")
            #expect(one.status == 206 && one.text == "23" && one.field("Content-Encoding") == "gzip")
            #expect(one.field("Content-Range") == "bytes 2-3/10")
            let several = try ask("Range: bytes=0-0,5-5\r\n")
            #expect(several.status == 200 && several.text == "0123456789")
            #expect(several.field("Content-Encoding") == "gzip")
            let same = try ask("If-None-Match: \(tag)\r\n")
            #expect(same.status == 304 && same.field("Vary") == "Accept-Encoding")
            #expect(same.field("Content-Encoding") == nil)
        }
    }

    /// A directory in memory, where sparse files may be very long.
    private static let memory = "/dev/shm"
    private static let hasEndlessFiles: Bool = {
        guard let files = try? TemporaryFiles(in: memory), (try? files.write("", at: "x")) != nil else { return false }
        return (try? files.truncate("x", to: .max)) != nil
    }()

    @Test(
        "a file as long as numbers go is refused, and overflows none", .enabled(if: hasEndlessFiles),
        arguments: testedBackends)
    func endless(backend: IOBackend) async throws {
        let files = try TemporaryFiles(in: Self.memory)
        try files.write("", at: "large")
        try files.truncate("large", to: .max)
        try files.write("small", at: "small")
        try await withServer(backend, Self.application(files)) { port in
            let client = try TestClient(port: port)
            for range in ["", "Range: bytes=0-0,2-\r\n", "Range: bytes=5-\r\n"] {
                let head = "GET /static/large HTTP/1.1\r\nHost: a\r\n\(range)\r\n"
                #expect(try client.ask(head).status == 500)
            }
            #expect(try client.ask(Self.small).text == "small")
        }
    }
}
