import Twister

/// An HTTP server without a web framework: one function responds to every request.
@main
struct PlainHTTP {
    static func main() throws {
        let loop = try IOLoop.current()
        let server = HTTPServer(loop) { request in
            try request.connection.setHead(.ok, [.contentType: "text/plain"])
            request.connection.write("You requested \(request.path)\n")
        }
        try server.listen(port: 8889, address: "127.0.0.1")
        print("serving on http://\(server.addresses[0]), backend \(loop.backend)")
        loop.run()
    }
}
