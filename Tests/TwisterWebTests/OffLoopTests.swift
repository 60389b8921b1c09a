import Glibc
import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// A use of a handler's objects that belongs on its loop's thread.
enum OffLoopUse: String, Codable, Sendable, CaseIterable {
    case connectionWrite, connectionWriteBytes, connectionFinish, connectionFlush, setHead, sendInformational,
        setTrailer
    case setMaxBodySize, setBodyTimeout
    case requestMethod, requestURI, requestPath, requestHeaders, requestCookies, requestBody, requestTrailers
    case requestHost, remoteIP, bodyStream, bodyStreamNext
    case write, writeBytes, writeJSON, finish, finishText, flush, setStatus, getStatus, setHeader, addHeader,
        clearHeader
    case clear, redirect, sendError, getArgument, getFiles

    /// Does it, on the caller's thread. `body` is the request's body stream.
    func perform(_ handler: RequestHandler, _ body: HTTPBodyStream) async throws {
        let (request, connection) = (handler.request, handler.request.connection)
        switch self {
        case .connectionWrite: connection.write("x")
        case .connectionWriteBytes: connection.write([1])
        case .connectionFinish: connection.finish()
        case .connectionFlush: try await connection.flush()
        case .setHead: try connection.setHead(.ok)
        case .sendInformational: try connection.sendInformational(.earlyHints)
        case .setTrailer: try connection.setTrailer(.location, "x")
        case .setMaxBodySize: connection.setMaxBodySize(1)
        case .setBodyTimeout: connection.setBodyTimeout(.seconds(1))
        case .requestMethod: _ = request.method
        case .requestURI: _ = request.uri
        case .requestPath: _ = request.path
        case .requestHeaders: _ = request.headers
        case .requestCookies: _ = request.cookies
        case .requestBody: _ = request.body
        case .requestTrailers: _ = request.trailers
        case .requestHost: _ = request.host
        case .remoteIP: _ = request.remoteIP
        case .bodyStream: _ = request.bodyStream
        case .bodyStreamNext: _ = try await body.next()
        case .write: handler.write("x")
        case .writeBytes: handler.write([1])
        case .writeJSON: try handler.write(json: ["x"])
        case .finish: handler.finish()
        case .finishText: handler.finish("x")
        case .flush: try await handler.flush()
        case .setStatus: handler.setStatus(.accepted)
        case .getStatus: _ = handler.getStatus()
        case .setHeader: try handler.setHeader(.location, "x")
        case .addHeader: try handler.addHeader(.location, "x")
        case .clearHeader: handler.clearHeader(.location)
        case .clear: handler.clear()
        case .redirect: try handler.redirect("/")
        case .sendError: await handler.sendError(.gone)
        case .getArgument: _ = try? handler.getArgument("x", default: "")
        case .getFiles: _ = try? handler.getFiles("x")
        }
    }

    /// Serves one request whose handler is used on another thread. Returns if nothing ends the process.
    func run(_ backend: IOBackend) async throws {
        let hasReturned = AsyncEvent()
        let application = try Application([
            URLSpec(.post, "/") { handler in
                let held = LoopHeld((handler, handler.request.bodyStream))
                await Task.detached { try? await self.perform(held.value.0, held.value.1) }.value
                hasReturned.set()
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            try await hasReturned.wait(timeout: .seconds(10))
        }
    }
}

/// Fault 3: what belongs to a loop refuses another thread, with a message that says what to do.
@Suite("Use off the loop's thread", .serialized)
struct OffLoopTests {
    /// Says what to do, and names the function.
    private static func check(_ output: [UInt8], _ what: String) {
        let message = String(decoding: output, as: UTF8.self)
        #expect(message.contains(" was called off the thread of the loop that it belongs to."), "\(what): \(message)")
        #expect(message.contains("loop.addCallback"), "\(what): \(message)")
    }

    @Test("fault 3: each use of a request, a response or a handler on another thread ends the process")
    func refused() async throws {
        for (index, use) in OffLoopUse.allCases.enumerated() {
            // The check is the same on both backends, which take turns.
            let isRing = index % 2 == 0
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                [use = use as OffLoopUse, isRing = isRing as Bool] in
                try await use.run(isRing ? .ioUring : .epoll)
            }
            Self.check(result?.standardErrorContent ?? [], "\(use)")
        }
    }

    @Test("fault 3: flush within another executor's preference ends the process", arguments: [true, false])
    func executorPreference(isRing: Bool) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [isRing = isRing as Bool] in
            let hasReturned = AsyncEvent()
            let application = try Application([
                URLSpec(.get, "/") { handler in
                    handler.write("some")
                    let held = LoopHeld(handler)
                    await withTaskExecutorPreference(globalConcurrentExecutor) { try? await held.value.flush() }
                    hasReturned.set()
                }
            ])
            try await withServer(isRing ? .ioUring : .epoll, application) { port in
                let client = try TestClient(port: port)
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await hasReturned.wait(timeout: .seconds(10))
            }
        }
        Self.check(result?.standardErrorContent ?? [], "flush")
    }

    @Test("fault 3: headers and text may be used on any thread", arguments: testedBackends)
    func allowed(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/(.*)") { handler in
                let (headers, uri) = (handler.request.headers, handler.request.uri)
                let arguments = handler.pathArguments
                let text = await Task.detached {
                    "\(headers["Host"] ?? "-") \(headers.count) \(uri) \(arguments[0] ?? "-")"
                }.value
                handler.write(text)
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for number in 0..<50 { #expect(try client.get("/\(number)").text == "localhost 1 /\(number) \(number)") }
        }
    }
}
