import Glibc

/// A blocking socket that says exactly what a test wants said. Every read has a time limit.
///
/// Where the tests run through a filter, the client speaks as that filter does; where they run over HTTP/2, what it says in
/// HTTP/1.1 is translated.
package final class TestClient {
    package let fd: CInt
    private var pending: [UInt8] = []
    /// So much of the filter's greeting is still to come.
    private var greetingLeft = TestFilter.greeting.count
    /// Whether the server has reset the connection, which counts as its end.
    package private(set) var wasReset = false
    private let translation: HTTP2Translation?

    /// Whether the clients of this run of the tests speak HTTP/2 (`TWISTER_TEST_HTTP=2`). A test of something that only
    /// HTTP/1.1 has says so by `.disabled(if: TestClient.speaksHTTP2, "why")`.
    package static var speaksHTTP2: Bool { HTTP2Translation.isOn }

    /// The version that handlers see.
    package static var version: String { speaksHTTP2 ? "HTTP/2.0" : "HTTP/1.1" }

    package struct Response: Sendable {
        package var status: Int
        package var head: String
        package var body: [UInt8]
        package var text: String { String(decoding: body, as: UTF8.self) }

        /// The value of a field, by its name in any case; nil where there is none.
        package func field(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                if line[..<colon].lowercased() == name.lowercased() {
                    return String(line[line.index(after: colon)...].drop { $0 == " " })
                }
            }
            return nil
        }
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private init(_ family: CInt, timeout seconds: Int, isTranslated: Bool) throws {
        translation = isTranslated ? HTTP2Translation() : nil
        fd = socket(family, CInt(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { throw Failure(description: "socket: \(errno)") }
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// - Parameters:
    ///   - host: the last byte of the loopback address (127.0.0.x) that the client has; nil: the kernel's choice.
    ///   - receiveBuffer: bytes of the kernel's buffer (`SO_RCVBUF`); nil: the kernel's choice.
    ///   - isTranslated: whether the client speaks HTTP/2 where this run of the tests does.
    package convenience init(
        port: UInt16, timeout seconds: Int = 20, host: UInt8? = nil, receiveBuffer: CInt? = nil,
        isTranslated: Bool = HTTP2Translation.isOn
    ) throws {
        try self.init(AF_INET, timeout: seconds, isTranslated: isTranslated)
        if var receiveBuffer {
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        if let host {
            address.sin_addr.s_addr = in_addr_t(0x7f00_0000 | UInt32(host)).bigEndian
            try use(address, "bind", Glibc.bind)
        }
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        try use(address, "connect", Glibc.connect)
        greet()
    }

    package convenience init(unixPath path: String) throws {
        try self.init(AF_UNIX, timeout: 20, isTranslated: HTTP2Translation.isOn)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        try use(address, "connect", Glibc.connect)
        greet()
    }

    /// Binds or connects the socket.
    private func use<Address>(
        _ address: Address, _ name: String, _ call: (CInt, UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws {
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(fd, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "\(name): \(errno)") }
    }

    /// A server that closes at once does not take it.
    private func greet() { try? transmit(TestFilter.greeting) }

    deinit { close(fd) }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        guard let translation else { return try transmit(TestFilter.changed(bytes)) }
        try transmit(TestFilter.changed(translation.send(bytes)))
        // A real client receives while it sends, or the windows of HTTP/2 would not open. One that is held up for long goes on
        // with its body when the test receives.
        while translation.isHeldUp, isReadable(within: 100), let text = try receiveTranslated(4096) { pending += text }
    }

    /// Sends bytes that come in front of HTTP, whatever its version.
    package func sendAhead(_ bytes: [UInt8]) throws { try transmit(TestFilter.changed(bytes)) }

    /// Whether something of the server, or its end, is there to be received.
    package var hasInput: Bool { !pending.isEmpty || isReadable(within: 0) }

    private func isReadable(within milliseconds: CInt) -> Bool {
        var watched = pollfd(fd: fd, events: CShort(POLLIN), revents: 0)
        return poll(&watched, 1, milliseconds) > 0
    }

    private func transmit(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(fd, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// Ends this side's sending.
    package func shutDown() { shutdown(fd, CInt(SHUT_WR)) }

    /// Closes with a reset.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        shutdown(fd, CInt(SHUT_RDWR))
    }

    /// Some bytes; nil at the end of the connection.
    package func receive(_ limit: Int = 65_536) throws -> [UInt8]? {
        if !pending.isEmpty {
            defer { pending.removeFirst(min(limit, pending.count)) }
            return Array(pending.prefix(limit))
        }
        guard let translation else { return try receiveBytes(limit) }
        while !translation.isEnded {
            guard let text = try receiveTranslated(max(limit, 4096)) else { return nil }
            guard !text.isEmpty else { continue }
            pending = Array(text.dropFirst(limit))
            return Array(text.prefix(limit))
        }
        return nil
    }

    /// Receives frames, and returns what they say in HTTP/1.1; nil at the end of the connection.
    private func receiveTranslated(_ limit: Int) throws -> [UInt8]? {
        guard let translation, let bytes = try receiveBytes(limit) else { return nil }
        let (text, output) = translation.receive(bytes)
        // The server may have closed.
        try? transmit(TestFilter.changed(output))
        return text
    }

    /// Some bytes of the server, without the filter's greeting; nil at the end of the connection.
    private func receiveBytes(_ limit: Int) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        var count = recv(fd, &buffer, limit, 0)
        // Other tests send signals.
        while count < 0, errno == EINTR { count = recv(fd, &buffer, limit, 0) }
        if count == 0 { return nil }
        guard count > 0 else {
            if errno == ECONNRESET {
                wasReset = true
                return nil
            }
            throw Failure(description: errno == EAGAIN ? "nothing was received in time" : "recv: errno \(errno)")
        }
        let greeted = min(greetingLeft, count)
        greetingLeft -= greeted
        if greeted == count { return try receiveBytes(limit) }
        return TestFilter.changed(Array(buffer[greeted..<count]))
    }

    /// Everything until the server closes.
    package func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try receive() { all += bytes }
        return all
    }

    /// Whether the server closes without another byte.
    package func isClosed() throws -> Bool { try receive() == nil }

    /// Whether the server has reset the connection, though bytes may still wait to be read.
    package var isCutOff: Bool {
        // Of a reset, the kernel tells whatever events are asked for.
        var socket = pollfd(fd: fd, events: 0, revents: 0)
        return poll(&socket, 1, 0) == 1
    }

    /// Whether the server ends the connection behind that response, in words and in fact, as HTTP/1.1 has to where the rest of
    /// the request is not read. HTTP/2 ends the request's stream alone.
    package func endsConnection(after response: Response) throws -> Bool {
        guard !Self.speaksHTTP2 else { return try receiveNothing() }
        return try response.field("Connection") == "close" && isClosed()
    }

    /// Whether the connection is open, and nothing more comes for now.
    private func receiveNothing() throws -> Bool { pending.isEmpty && translation?.isEnded == false }

    /// One response, whatever its framing; 1xx ones count as responses. `toHead`: it responds to a HEAD.
    package func receiveResponse(toHead: Bool = false) throws -> Response {
        var bytes: [UInt8] = []
        var end: Int?
        while end == nil {
            guard let more = try receive() else {
                throw Failure(description: "closed within a head: \(String(decoding: bytes, as: UTF8.self))")
            }
            bytes += more
            end = Self.endOfHead(bytes)
        }
        let headEnd = end ?? bytes.count
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self)
        var rest = Array(bytes[headEnd...])
        guard head.hasPrefix("HTTP/1.1 "), let status = Int(head.dropFirst(9).prefix(3)) else {
            throw Failure(description: "not an HTTP/1.1 head: \(head)")
        }
        var response = Response(status: status, head: head, body: [])
        if toHead || status < 200 || status == 204 || status == 304 {
            pending = rest + pending
        } else if let length = response.field("Content-Length").flatMap({ Int($0) }) {
            while rest.count < length {
                guard let more = try receive() else { throw Failure(description: "closed within a body") }
                rest += more
            }
            response.body = Array(rest[..<length])
            pending = Array(rest[length...]) + pending
        } else if response.field("Transfer-Encoding") == "chunked" {
            response.body = try receiveChunks(&rest)
            pending = rest + pending
        } else {
            response.body = rest + (try receiveAll())
        }
        return response
    }

    private func receiveChunks(_ rest: inout [UInt8]) throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try takeLine(&rest)
            guard let size = Int(line, radix: 16) else { throw Failure(description: "bad chunk size \(line)") }
            if size == 0 {
                while try takeLine(&rest) != "" {}
                return body
            }
            while rest.count < size + 2 {
                guard let more = try receive() else { throw Failure(description: "closed within a chunk") }
                rest += more
            }
            body += rest[..<size]
            rest.removeFirst(size + 2)
        }
    }

    private func takeLine(_ rest: inout [UInt8]) throws -> String {
        while true {
            if let end = rest.firstIndex(of: 0x0A) {
                defer { rest.removeFirst(end + 1) }
                return String(decoding: rest[..<max(end - 1, 0)], as: UTF8.self)
            }
            guard let more = try receive() else { throw Failure(description: "closed within a line") }
            rest += more
        }
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...(bytes.count - 4)
        where bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 {
            return index + 4
        }
        return nil
    }

    /// Sends a request and takes its response.
    package func ask(_ text: String, toHead: Bool = false) throws -> Response {
        try send(text)
        return try receiveResponse(toHead: toHead)
    }

    package func get(_ path: String) throws -> Response {
        try ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }
}
