import Twister

/// WebSockets.
func socketRoutes(_ notes: Notes) -> [URLSpec] {
    RouteGroup("/ws") {
        URLSpec("/echo", Socket.self)
        URLSpec("/room/([a-z]+)", SocketRoom.self)
        URLSpec("/sub", SocketSub.self)
        URLSpec("/origin", SocketOrigin.self)
        URLSpec("/deflate", SocketDeflate.self)
        URLSpec("/close", SocketClose.self, notes)
        URLSpec("/ping", SocketPing.self)
        URLSpec("/limit", SocketLimit.self)
        URLSpec("/refuse", SocketRefuse.self)
    }.routes
}

private class Socket: WebSocketHandler {
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

private final class SocketRoom: Socket {
    override func open() async throws { try await writeMessage(json: ["room": pathArguments[0] ?? ""]) }
}

private final class SocketSub: Socket {
    override func selectSubprotocol(_ subprotocols: [String]) -> String? {
        ["chat.v2", "chat.v1"].first { subprotocols.contains($0) }
    }
    override func open() async throws { try await writeMessage(selectedSubprotocol ?? "none") }
}

private final class SocketOrigin: Socket {
    override func checkOrigin(_ origin: String) -> Bool {
        origin == "https://trusted.example" || super.checkOrigin(origin)
    }
}

private final class SocketDeflate: Socket {
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(contextTakeover: true) }
}

private final class SocketClose: WebSocketHandlerWith<Notes> {
    override func onMessage(_ message: WebSocketMessage) async throws {
        let parts = (message.text ?? "").split(separator: " ", maxSplits: 1)
        guard let code = parts.first.flatMap({ UInt16($0) }) else { return close() }
        close(WebSocketCloseCode(rawValue: code), parts.count > 1 ? String(parts[1]) : nil)
    }

    override func onClose() async {
        guard let key = try? getQueryArgument("key") else { return }
        state.add("\(closeCode.map { "\($0)" } ?? "None") \(closeReason ?? "None")", for: key)
    }
}

private final class SocketPing: Socket {
    override func onMessage(_ message: WebSocketMessage) async throws {
        let data = (message.text ?? "").split(separator: " ", maxSplits: 1).dropFirst().first ?? ""
        try ping(Array(data.utf8))
    }
    override func onPong(_ data: [UInt8]) async throws {
        try await writeMessage("pong " + String(decoding: data, as: UTF8.self))
    }
    override func onPing(_ data: [UInt8]) async throws {
        try await writeMessage("ping " + String(decoding: data, as: UTF8.self))
    }
}

private final class SocketLimit: Socket {
    override var maxMessageSize: Int { 1024 }
}

private final class SocketRefuse: Socket {
    override func prepare() async throws { throw HTTPError(.unauthorized) }
}
