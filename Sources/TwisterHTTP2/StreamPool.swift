import TwisterIO

/// The streams of one loop that are not in use, for the next requests.
///
/// Clients begin a hundred requests at once, on several connections. The pool keeps as many streams as they needed lately: once a
/// second, it frees those that nobody took within that second, down to `keptStreams`.
final class StreamPool<Stream: AnyObject> {
    private let loop: IOLoop
    private let makeStream: () -> Stream
    // Unchecked for the same reason as the state of `HTTP2ServerConnection`.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var idle: ContiguousArray<Stream> = []
    /// The fewest that lay in the pool since it was looked at.
    private var fewest = 0
    private var isWatched = false

    /// So many streams stay for good.
    private static var keptStreams: Int { 64 }
    private static var watchInterval: Duration { .seconds(1) }

    init(_ loop: IOLoop, _ makeStream: @escaping () -> Stream) {
        self.loop = loop
        self.makeStream = makeStream
    }

    var isEmpty: Bool { idle.isEmpty }

    func take() -> Stream {
        guard let taken = idle.popLast() else { return makeStream() }
        if idle.count < fewest { fewest = idle.count }
        return taken
    }

    /// Takes back a stream that is over and that nobody holds.
    func keep(_ stream: Stream) {
        idle.append(stream)
        if idle.count > Self.keptStreams, !isWatched { watch() }
    }

    private func watch() {
        isWatched = true
        fewest = idle.count
        loop.callLater(Self.watchInterval) { [weak self] in self?.trim() }
    }

    private func trim() {
        isWatched = false
        idle.removeLast(min(fewest, max(idle.count - Self.keptStreams, 0)))
        if idle.count > Self.keptStreams { watch() }
    }
}
