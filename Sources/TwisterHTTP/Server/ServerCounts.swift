package import TwisterIO

/// The numbers that one server counts, whether or not somebody reads them; see `LoopCounts`.
package final class ServerCounts: Sendable {
    /// The statuses of requests that a limit or a deadline has ended.
    package static let limitStatuses = [408, 413, 414, 429, 431, 503]

    /// The numbers of the server's loop.
    package let loop: LoopCounts
    /// Open connections.
    package let openConnections = EventCount()
    /// Connections that were accepted, with those that are refused.
    package let acceptedConnections = EventCount()
    /// Connections that were closed at once, because their client has too many of them.
    package let refusedConnections = EventCount()
    private let limits = [6 of EventCount] { _ in EventCount() }
    private let frameLimits = [7 of EventCount] { _ in EventCount() }
    /// 1 once the server is released, and nothing is counted any more.
    private let ended = EventCount()

    package init(loop: LoopCounts) { self.loop = loop }

    /// How many requests a limit or a deadline has ended with the status at that place of `limitStatuses`.
    package func limitsHit(at index: Int) -> Int { limits[index].current }

    /// An HTTP/2 limit that a client can exceed.
    package enum FrameLimit: Int, CaseIterable, Sendable {
        /// Streams that are reset, by the client or because of its errors.
        case resets = 0
        /// PING, SETTINGS, PRIORITY and the like.
        case controlFrames = 1
        /// WINDOW_UPDATE.
        case windowUpdates = 2
        /// DATA and HEADERS without content.
        case emptyFrames = 3
        /// Fields, and CONTINUATION frames, of a request.
        case headerBlocks = 4
        /// Responses that the client asks for, and whose windows it does not open.
        case stalledWindows = 5
        /// Frames that wait for a client that does not read.
        case queuedFrames = 6

        /// The name in metrics.
        package var name: String {
            switch self {
            case .resets: "resets"
            case .controlFrames: "control_frames"
            case .windowUpdates: "window_updates"
            case .emptyFrames: "empty_frames"
            case .headerBlocks: "header_blocks"
            case .stalledWindows: "stalled_windows"
            case .queuedFrames: "queued_frames"
            }
        }
    }

    /// How many connections, or streams, have ended because of that limit.
    package func limitsHit(_ limit: FrameLimit) -> Int { frameLimits[limit.rawValue].current }

    /// A client is over a limit of HTTP/2.
    package func count(_ limit: FrameLimit) { frameLimits[limit.rawValue].add() }

    /// A request is refused by the server itself. Statuses that belong to no limit are not counted.
    package func countRefusal(_ status: Int) {
        if let index = Self.limitStatuses.firstIndex(of: status) { limits[index].add() }
    }

    package var hasEnded: Bool { ended.current != 0 }
    func end() { ended.set(1) }
}

/// An observer that also reports what servers count.
package protocol CountsObserver: ExchangeObserver {
    /// A server was made, whose configuration has the observer. On the thread of its loop.
    func serverStarted(_ counts: ServerCounts, on loop: IOLoop)
}
