import HTTPTypes
import Logging
import TwisterWeb

struct Price: Codable, Sendable {
    var symbol: String
    var value: Double
}

/// In an application: from a database, or from an actor.
func currentPrice() -> Price { Price(symbol: "T", value: 2) }

/// A response that is written in parts.
final class Export: RequestHandler {
    private var isEnding = false

    override func get() async throws {
        try setHeader(.contentType, "text/csv; charset=utf-8")
        for row in 1...1_000 {
            write("\(row),\(row * row)\n")
            // Sends what is written, and waits while the client lags behind: memory stays bounded.
            if row % 100 == 0 { try await flush() }
            if isEnding { return write("# incomplete: the server shuts down\n") }
        }
    }

    // The client disconnected: the task is cancelled, too, so that this is needed only for what cancellation does not reach.
    override func onConnectionClose() { logger.info("the export was not fetched") }

    // The server begins to shut down: what would take long should end now.
    override func onShutdown() { isEnding = true }
}

/// A form with files of any size, which is read while it arrives.
final class Upload: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func post() async throws {
        var sizes: [String] = []
        for try await part in try multipart(limits: .init(files: 10, fileSize: .mebibytes(100))) where part.isFile {
            var size = 0
            for try await chunk in part.content { size += chunk.count }
            sizes.append("\(part.name): \(size)")
        }
        write(sizes.joined(separator: "\n"))
    }
}

func makeStreamingApplication(_ prices: EventBroadcaster<Price>) throws -> Application {
    try Application([
        URLSpec("/export", Export.self),
        URLSpec("/upload", Upload.self),
        // Events of one client.
        URLSpec(.get, "/countdown") { handler in
            EventStream { events in
                for number in (0...3).reversed() {
                    try await events.send("\(number)", id: number, event: "count")
                    try await handler.sleep(for: .seconds(1))
                }
            }
        },
        // Events for all clients.
        URLSpec(.get, "/prices") { _ in EventStream(from: prices) },
        // The same, but a client that connects for the first time begins with the current price.
        URLSpec(.get, "/prices/current") { _ in
            EventStream { events in
                if events.since == nil { try await events.send(currentPrice()) }
                try await events.send(from: prices)
            }
        },
        URLSpec(.post, "/prices") { handler in
            try prices.publish(handler.decodeBody())
            return HTTPResponse.Status.noContent
        },
        // The elements of an asynchronous sequence.
        URLSpec(.get, "/words") { _ in
            ResponseStream(
                AsyncStream { continuation in
                    for word in ["one ", "two ", "three"] { continuation.yield(word) }
                    continuation.finish()
                })
        },
    ])
}
