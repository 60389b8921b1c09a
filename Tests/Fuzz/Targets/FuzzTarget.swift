/// Code that libFuzzer and the smoke test run with arbitrary octets.
public struct FuzzTarget: Sendable, CustomStringConvertible {
    public let name: String
    /// Makes the function that checks every property of the target for one input. It is used on the thread that made it.
    public let makeCheck: @Sendable () throws -> (UnsafeRawBufferPointer) throws -> Void

    public var description: String { name }

    public static let all = [
        FuzzTarget(name: "request", makeCheck: { RequestTarget.check }),
        FuzzTarget(name: "chunked", makeCheck: { ChunkedTarget.check }),
        FuzzTarget(name: "text", makeCheck: { TextTarget.check }),
        FuzzTarget(name: "multipart", makeCheck: { MultipartTarget.check }),
        FuzzTarget(name: "proxy", makeCheck: { ProxyTarget.check }),
        FuzzTarget(name: "connection", makeCheck: { try ConnectionTarget().check }),
        FuzzTarget(name: "http2", makeCheck: { try HTTP2Target().check }),
        FuzzTarget(name: "websocket", makeCheck: { try WebSocketTarget().check }),
        FuzzTarget(name: "tls", makeCheck: { try TLSTarget().check }),
    ]

    /// The target of that name, nil where there is none.
    public static func named(_ name: some StringProtocol) -> FuzzTarget? { all.first { $0.name == name } }
}
