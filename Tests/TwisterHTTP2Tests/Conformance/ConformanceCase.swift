import Testing

/// Frames that a client sends, and what RFC 9113 or RFC 7541 demands of the server.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    /// What the server has to do. Not an enum with a payload: the leak sanitizer does not find what that refers to.
    struct Demand: Sendable {
        enum Kind { case connection, stream, served }

        let kind: Kind
        let codes: [UInt32]

        /// GOAWAY with one of these codes, and then the end of the connection.
        static func connection(_ codes: [UInt32]) -> Demand { Demand(kind: .connection, codes: codes) }
        /// RST_STREAM with one of these codes for stream 1; or GOAWAY, since a stream error may be taken for one of the
        /// connection (RFC 9113, 5.4.1).
        static func stream(_ codes: [UInt32]) -> Demand { Demand(kind: .stream, codes: codes) }
        /// The connection goes on.
        static let served = Demand(kind: .served, codes: [])
    }

    let testDescription: String
    let demand: Demand
    let act: @Sendable (FrameClient) throws -> Void

    init(_ description: String, _ demand: Demand, _ act: @escaping @Sendable (FrameClient) throws -> Void) {
        testDescription = description
        self.demand = demand
        self.act = act
    }

    static let protocolError = Demand.connection([FrameClient.Code.protocolError])
    static let frameSize = Demand.connection([FrameClient.Code.frameSize])
    static let flowControl = Demand.connection([FrameClient.Code.flowControl])
    static let streamClosed = Demand.connection([FrameClient.Code.streamClosed])
    static let compressionError = Demand.connection([FrameClient.Code.compression])
    static let streamProtocolError = Demand.stream([FrameClient.Code.protocolError])

    /// Runs the case on a connection of its own.
    func run(_ port: UInt16) throws {
        let client = try FrameClient(port: port)
        try client.ping()
        try act(client)
        switch demand.kind {
        case .connection:
            let code = try client.connectionError()
            let isRight = code.map { demand.codes.contains($0) } == true
            #expect(isRight, "\(testDescription): \(code as Any) is not one of \(demand.codes)")
        case .stream:
            let code = try client.connectionOrReset(1)
            let isRight = code.map { demand.codes.contains($0) } == true
            #expect(isRight, "\(testDescription): \(code as Any) is not one of \(demand.codes)")
        case .served:
            try client.ping()
            #expect(client.goAway == nil, "\(testDescription)")
            #expect(try client.ask(1001, "GET", "/nothing").status == 204, "\(testDescription)")
        }
    }
}

extension FrameClient {
    /// A request that ends at once, whose handler responds at once.
    func get(_ stream: UInt32) throws { try headers(stream, Self.request("GET", "/")) }

    /// A request whose response does not come: the stream is half-closed (remote).
    func wait(_ stream: UInt32) throws { try headers(stream, Self.request("GET", "/sleep")) }

    /// A request whose body is to come: the stream is open.
    func post(_ stream: UInt32, _ fields: [(String, String)] = []) throws {
        try headers(stream, Self.request("POST", "/echo", fields), end: false)
    }

    /// A request on a stream that is closed, since all of its response has come.
    func close(_ stream: UInt32) throws { #expect(try ask(stream, "GET", "/").status == 200) }

    /// A request that the client gives up.
    func giveUp(_ stream: UInt32) throws {
        try post(stream)
        try send(FrameType.reset, stream: stream, payload: Self.number(Code.cancel))
    }

    /// A header block as it stands, in one frame.
    func headerBlock(_ stream: UInt32, _ octets: [UInt8], flags: UInt8 = 5) throws {
        try send(FrameType.headers, flags: flags, stream: stream, payload: octets)
    }

    /// Receives so many octets of a response's body, and sees to it that no more come without a window.
    func receiveBody(_ stream: UInt32, _ count: Int) throws {
        try receive { partial(stream).status != nil && partial(stream).body.count >= count }
        try ping()
        #expect(partial(stream).body.count == count)
    }

    func settings(_ settings: [(UInt16, UInt32)]) throws {
        try send(FrameType.settings, payload: Self.settings(settings))
    }

    func continuation(_ stream: UInt32, _ octets: [UInt8] = [], end: Bool = true) throws {
        try send(FrameType.continuation, flags: end ? 4 : 0, stream: stream, payload: octets)
    }
}
