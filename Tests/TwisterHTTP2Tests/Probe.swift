import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

/// Responds with what the tests ask for, by path, and notes what happens.
final class Probe: HTTPServerConnectionDelegate {
    let notes = Notes()

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request, notes) }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let notes: Notes

        init(_ request: HTTPServerRequest, _ notes: Notes) {
            self.request = request
            self.notes = notes
        }

        func headersReceived() -> HTTPBodyDelivery {
            switch request.path {
            case "/count", "/slow-reader", "/early", "/flushed", "/trailers": .streamed(limit: nil)
            case "/small": .collected(limit: 10)
            default: .collected(limit: nil)
            }
        }

        func onConnectionClose() { notes.note("closed \(request.path)") }
        func onShutdown() { notes.note("shutdown \(request.path)") }
        func exchangeEnded() { notes.note("ended \(request.path)") }

        func execute() async throws {
            let connection = request.connection
            switch request.path {
            case "/version": connection.write("\(request.version) \(request.host) \(request.headers["Host"] ?? "-")")
            case "/cookies": connection.write(request.headers.values(for: .cookie).joined(separator: " | "))
            case "/sleep": try await sleep()
            case "/held": try await waitForRelease()
            case "/count":
                var count = 0
                for try await chunk in request.bodyStream { count += chunk.count }
                connection.write("\(count)")
            case "/slow-reader":
                try await waitForRelease()
                var count = 0
                for try await chunk in request.bodyStream { count += chunk.count }
                connection.write("\(count)")
            case "/flushed":
                connection.write([UInt8](repeating: 120, count: Int(request.query) ?? 0))
                try await connection.flush()
                for try await _ in request.bodyStream {}
            case "/early": connection.write("early")
            case "/stream":
                for part in ["a", "bc", "def"] {
                    connection.write(part)
                    try await connection.flush()
                }
            case "/endless":
                while true {
                    connection.write([UInt8](repeating: 120, count: 16_384))
                    try await connection.flush()
                    notes.note("flushed")
                }
            case "/parts":
                for _ in 0..<(Int(request.query) ?? 0) {
                    connection.write([UInt8](repeating: 120, count: 50_000))
                    try await connection.flush()
                }
            case "/head-first", "/no-content":
                if request.path == "/no-content" { try connection.setHead(.noContent) }
                connection.write("head")
                try await connection.flush()
                notes.note("flushed \(request.path)")
                try await connection.loop.sleep(for: .seconds(600))
            case "/big": connection.write([UInt8](repeating: 120, count: Int(request.query) ?? 0))
            case "/nothing": try connection.setHead(.noContent)
            case "/hints":
                var fields = HTTPFields()
                if let link = HTTPField.Name("Link") { fields[link] = "</a.css>; rel=preload" }
                try connection.sendInformational(.init(code: 103), fields)
                connection.write("hinted")
            case "/trailers":
                for try await _ in request.bodyStream {}
                connection.write("body")
                try await connection.flush()
                let trailer = request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                if let name = HTTPField.Name("X-Sum") { try connection.setTrailer(name, "7 \(trailer)") }
            case "/throw": throw TestFailure("of the handler")
            case "/throw-late":
                connection.write("begun")
                try await connection.flush()
                throw TestFailure("of the handler")
            case "/fields":
                try connection.setHead(
                    .ok, [.connection: "keep-alive", .upgrade: "h9", .contentType: " \ttext/x ", .setCookie: "a=b"])
                connection.write("fields")
            case "/wide":
                var fields = HTTPFields()
                for _ in 0..<(Int(request.query) ?? 0) { fields.append(try Self.wideField()) }
                try connection.setHead(.ok, fields)
                connection.write("wide")
            case "/wide-trailers":
                connection.write("body")
                try await connection.flush()
                for _ in 0..<(Int(request.query) ?? 0) {
                    let field = try Self.wideField()
                    try connection.setTrailer(field.name, field.value)
                }
            case "/close":
                try connection.setHead(.ok, [.connection: "close"])
                connection.write("closing")
            default:
                connection.write("\(request.method.rawValue) \(request.uri) ")
                connection.write(request.body)
            }
        }

        /// A field of 10,000 octets.
        private static func wideField() throws -> HTTPField {
            guard let name = HTTPField.Name("X-Wide") else { throw TestFailure("no name") }
            return HTTPField(name: name, value: String(repeating: "x", count: 10_000))
        }

        private func sleep() async throws {
            notes.note("sleeping")
            do {
                try await request.connection.loop.sleep(for: .milliseconds(Int(request.query) ?? 60_000))
            } catch {
                notes.note("cancelled")
                throw error
            }
            request.connection.write("slept")
        }

        /// Until the test notes "release".
        private func waitForRelease() async throws {
            notes.note("sleeping")
            while !notes.all.contains("release") { try await request.connection.loop.sleep(for: .milliseconds(5)) }
            request.connection.write("slept")
        }

        func executionFailed(_ error: any Error) async {
            if request.connection.isClientDisconnected { return request.connection.finish() }
            request.connection.respondToFailure(500)
        }
    }
}

/// Runs `body` against a server that speaks HTTP/2.
func withHTTP2(
    _ backend: IOBackend, _ probe: any HTTPServerConnectionDelegate = Probe(), limits: HTTP2Configuration = .init(),
    configure: (inout HTTPServer.Configuration) -> Void = { _ in }, _ body: (UInt16) async throws -> Void
) async throws {
    try await withServer(
        backend, probe,
        configure: {
            $0.http2 = limits
            configure(&$0)
        }, body)
}
