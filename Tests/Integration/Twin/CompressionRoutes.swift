import Twister
import TwisterCompression

/// An application within the application that compresses its responses, as Tornado by gzip alone.
func compressionApplication(_ root: String) throws -> Application {
    let routes = RouteGroup("/gz") {
        URLSpec(.get, "/text") { handler in
            try handler.setHeader(.contentType, "text/plain; charset=UTF-8")
            let count = min(max(try handler.getQueryArgument("n", as: Int.self), 0), 4 << 20)
            handler.write(String(repeating: "x", count: count))
        }
        URLSpec(.get, "/json") { try $0.respond(["rows": .list((0..<1000).map { .integer($0) })]) }
        URLSpec(.get, "/png") { handler in
            try handler.setHeader(.contentType, "image/png")
            handler.write([UInt8](repeating: 0, count: 4096))
        }
        URLSpec(.get, "/flushed") { handler in
            for part in ["part one\n", "part two\n", "part three\n"] {
                handler.write(part)
                try await handler.flush()
            }
        }
        URLSpec(.get, "/coded") { handler in
            try handler.setHeader(.contentType, RequestHandler.html)
            try handler.setHeader(.contentEncoding, "deflate")
            handler.write(codedText)
        }
        URLSpec(.get, "/vary") { handler in
            try handler.setHeader(.vary, "Cookie")
            handler.write(String(repeating: "v", count: 2048))
        }
        URLSpec(.get, "/none") { $0.setStatus(.noContent) }
        URLSpec("/files/(.*)") { StaticFileHandler($0, root: root) }
    }
    var compression = CompressionSettings()
    compression.codings = [.gzip]
    return try Application(
        [routes], middleware: [Compression(compression)], settings: Application.Settings(automaticETags: true))
}

/// "already " 500 times, in the format of zlib.
private let codedText: [UInt8] = [
    120, 156, 237, 197, 161, 17, 0, 48, 8, 4, 176, 85, 186, 218, 223, 181, 174, 10, 199, 246, 140, 129, 73, 76, 242,
    235,
    229, 246, 137, 109, 219, 182, 109, 219, 94, 123, 0, 158, 176, 224, 52,
]
