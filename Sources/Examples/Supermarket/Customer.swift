import Twister

/// A small HTTP client on a stream of its own. It sends a first request, waits until all customers have done so, and then sends
/// the request that is measured.
enum Customer {
    static let receipt = "Thank you\n"

    /// On the loop's thread. `entered` is called once the customer's connection is open and has been used.
    static func visit(_ address: SocketAddress, _ loop: IOLoop, _ door: AsyncSemaphore, _ crowd: Crowd) async throws {
        let stream = try await door.withPermit {
            let stream = try await IOStream.connect(loop, to: address)
            try await ask("/enter", stream)
            return stream
        }
        defer { stream.close() }
        try await crowd.enter()
        try await ask("/shop", stream)
        crowd.leave()
    }

    private static func ask(_ path: String, _ stream: IOStream) async throws {
        try await stream.write("GET \(path) HTTP/1.1\r\nHost: supermarket\r\n\r\n")
        let head = try await stream.readUntil("\r\n\r\n", maxBytes: 4096)
        guard head.starts(with: Array("HTTP/1.1 200 ".utf8)) else {
            throw UnexpectedResponse(head: String(decoding: head, as: UTF8.self))
        }
        _ = try await stream.readBytes(receipt.utf8.count)
    }

    struct UnexpectedResponse: Error {
        let head: String
    }
}
