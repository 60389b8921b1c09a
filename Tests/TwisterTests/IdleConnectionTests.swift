import Glibc
import Testing
import TwisterIO

@testable import TwisterHTTP

/// malloc.h is not in the module Glibc.
@_silgen_name("malloc_usable_size") private func usableSize(_ chunk: UnsafeRawPointer) -> Int

/// The account of `docs/architecture.md`. The sizes of the reactor's slot and of a timer's entry are static assertions in
/// CReactor; `bench/memory.py` measures the whole.
@Suite("Idle connections")
struct IdleConnectionTests {
    /// The memory that malloc takes for an object: 8 bytes more than can be used.
    private static func chunk(_ object: AnyObject) -> Int {
        usableSize(Unmanaged.passUnretained(object).toOpaque()) + 8
    }

    @Test("an idle connection is a stream of 128 bytes and a connection of 96")
    func sizes() throws {
        let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        defer { loop.close() }
        var pair: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { close(pair[1]) }
        let server = HTTPServer(loop) { _ in }
        let stream = try IOStream(loop, fileDescriptor: pair[0])
        server.handleStream(stream)
        let connection = try #require(server.context.connections.all.first)
        #expect(connection is HTTP1ServerConnection)
        #expect((112...128).contains(Self.chunk(stream)), "\(Self.chunk(stream))")
        #expect((64...96).contains(Self.chunk(connection)), "\(Self.chunk(connection))")
    }
}
