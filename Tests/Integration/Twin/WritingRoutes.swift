import Twister

/// How responses are written: at once, in parts, in chunks.
let writingRoutes = RouteGroup {
    URLSpec(.get, "/", name: "home") { $0.write("Hello, World!") }
    RouteGroup("/write") {
        URLSpec(.get, "/str") { $0.write("grüße ✓") }
        URLSpec(.get, "/bytes") { handler in
            try handler.setHeader(.contentType, RequestHandler.html)
            handler.write([UInt8](0...255))
        }
        URLSpec(.get, "/dict") { handler in
            try handler.respond(["a": 1, "text": "</script>", "u": "ü", "list": [1, nil, true]])
        }
        // The compiler refuses to write a list, which Tornado finds out when the handler runs.
        URLSpec(.get, "/list") { _ in throw Crash("lists are refused") }
        URLSpec(.get, "/parts") { handler in
            for part in ["one ", "two ", "three"] { handler.write(part) }
        }
        URLSpec(.get, "/type") { handler in
            try handler.respond(["a": 1])
            try handler.setHeader(.contentType, "application/vnd.twin+json")
        }
        URLSpec(.get, "/empty") { $0.write("") }
        URLSpec(.get, "/none") { $0.setStatus(.noContent) }
        URLSpec(.get, "/after") { handler in
            handler.finish("done")
            handler.write("too late")
        }
    }
    RouteGroup("/finish") {
        URLSpec(.get, "/dict") { try $0.finish(json: ["ok": true] as JSON) }
        URLSpec(.get, "/raise") { handler in
            try handler.setHeader("X-Finish", "yes")
            handler.write("partial")
            throw Finish()
        }
        URLSpec(.get, "/status") { handler in
            handler.setStatus(.accepted)
            throw Finish("accepted")
        }
    }
    URLSpec(.get, "/chunks") { try await $0.flush(each: ["one\n", "two\n", "three\n"]) }
    URLSpec(.get, "/chunks/length") { handler in
        try handler.setHeader(.contentLength, "9")
        try await handler.flush(each: ["abc", "def", "ghi"])
    }
    URLSpec(.get, "/chunks/broken") { handler in
        try handler.setHeader(.contentLength, "9")
        try await handler.flush(each: ["abc"])
    }
    URLSpec(.get, "/chunks/late") { handler in
        try await handler.flush(each: ["partial"])
        throw Crash("late crash-detail")
    }
    URLSpec(.get, "/big") { handler in
        try handler.setHeader(.contentType, RequestHandler.html)
        var left = min(try handler.getQueryArgument("n", as: Int.self), 8 << 20)
        let block = Array(repeatElement(Array("0123456789abcdef".utf8), count: 4096).joined())
        while left > 0 {
            handler.write(Array(block.prefix(left)))
            left -= block.count
            try await handler.flush()
        }
    }
}.routes

extension RequestHandler {
    /// Sends each part by itself.
    fileprivate func flush(each parts: [String]) async throws {
        for part in parts {
            write(part)
            try await flush()
        }
    }
}
