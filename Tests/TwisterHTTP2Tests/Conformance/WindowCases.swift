import Testing

extension ConformanceCase {
    private typealias FrameType = FrameClient.FrameType
    private typealias Code = FrameClient.Code

    /// RFC 9113, 6.9.
    static let windows: [ConformanceCase] = updates + sizes

    private static let largest = UInt32(Int32.max)

    private static let updates: [ConformanceCase] = [
        Self("6.9 WINDOW_UPDATE of the connection and of a stream", .served) {
            try $0.openWindow(0, 1)
            try $0.wait(1)
            try $0.openWindow(1, 1)
        },
        Self("6.9 WINDOW_UPDATE of 0 for the connection", protocolError) { try $0.openWindow(0, 0) },
        Self("6.9 WINDOW_UPDATE of 0 for a stream", streamProtocolError) {
            try $0.wait(1)
            try $0.openWindow(1, 0)
        },
        Self("6.9 the reserved bit is ignored", protocolError) { try $0.openWindow(0, 1 << 31) },
        Self("6.9 WINDOW_UPDATE of another length", frameSize) {
            try $0.send(FrameType.windowUpdate, payload: [0, 0, 1])
        },
        Self("6.9.1 a window of the connection that is too large", flowControl) {
            try $0.openWindow(0, largest)
            try $0.openWindow(0, largest)
        },
        Self("6.9.1 a window of a stream that is too large", .stream([Code.flowControl])) {
            try $0.wait(1)
            try $0.openWindow(1, largest)
            try $0.openWindow(1, largest)
        },
        Self("6.9.1 the largest windows", .served) {
            try $0.wait(1)
            try $0.openWindow(1, largest - 65_535)
            try $0.openWindow(0, largest - 65_535)
        },
        Self("6.9.1 more DATA than the window of the stream", .stream([Code.flowControl])) {
            try $0.headers(1, FrameClient.request("POST", "/slow-reader"), end: false)
            for _ in 0..<40 { try $0.data(1, [UInt8](repeating: 1, count: 16_384)) }
        },
    ]

    private static let sizes: [ConformanceCase] = [
        Self("6.9.1 a response fits into a window of one octet at a time", .served) {
            $0.opensWindows = false
            try $0.settings([(4, 1)])
            try $0.get(1)
            try $0.receiveBody(1, 1)
            try $0.openWindow(1, 1)
            try $0.receiveBody(1, 2)
            try $0.openWindow(1, 4)
            #expect(try $0.response(1).text == "GET / ")
        },
        Self("6.9.2 INITIAL_WINDOW_SIZE opens the windows of streams that wait", .served) {
            $0.opensWindows = false
            try $0.settings([(4, 0)])
            try $0.get(1)
            try $0.receiveBody(1, 0)
            try $0.settings([(4, 1)])
            try $0.receiveBody(1, 1)
            try $0.settings([(4, 100)])
            #expect(try $0.response(1).text == "GET / ")
        },
        Self("6.9.2 a window may become negative", .served) {
            $0.opensWindows = false
            try $0.settings([(4, 3)])
            try $0.get(1)
            try $0.receiveBody(1, 3)
            try $0.settings([(4, 2)])
            try $0.openWindow(1, 1)
            try $0.receiveBody(1, 3)
            try $0.openWindow(1, 1)
            try $0.receiveBody(1, 4)
            try $0.openWindow(1, 10)
            #expect(try $0.response(1).text == "GET / ")
        },
        Self("6.9.2 INITIAL_WINDOW_SIZE makes the window of a stream too large", flowControl) {
            try $0.wait(1)
            try $0.openWindow(1, largest - 65_535)
            try $0.settings([(4, 65_536)])
        },
        Self("6.9.2 the window of the connection is not that of the settings", .served) {
            $0.opensWindows = false
            try $0.settings([(4, largest)])
            try $0.headers(1, FrameClient.request("GET", "/big?100000"))
            try $0.receiveBody(1, 65_535)
            try $0.openWindow(0, 100_000)
            #expect(try $0.response(1).body.count == 100_000)
        },
    ]
}
