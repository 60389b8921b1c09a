public import HTTPTypes

/// A response whose body is read while it arrives: server-sent events, downloads, progress reports.
///
/// Its elements are pieces of the body. Where one piece ends and the next one begins depends on the depth; `lines` does not.
/// A response that is released, or whose reader is cancelled, disconnects from the server.
///
/// It is read once, by one reader at a time.
public final class TestStreamedResponse: AsyncSequence, Sendable {
    /// Some bytes of the body, as many as came together.
    public typealias Element = [UInt8]

    /// The status, with its reason phrase.
    public let status: HTTPResponse.Status
    /// The fields of the head.
    public let headers: HTTPFields
    private let feed: ResponseFeed
    private let timeout: Duration

    init(_ head: ResponseFeed.Head, _ feed: ResponseFeed, timeout: Duration) {
        status = head.status
        headers = head.fields
        self.feed = feed
        self.timeout = timeout
    }

    deinit { feed.cancel() }

    /// Disconnects from the server, as a client does whose user closes the page.
    public func cancel() { feed.cancel() }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(response: self) }

    /// Reads the body piece by piece.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let response: TestStreamedResponse
        private var isAtEnd = false

        fileprivate init(response: TestStreamedResponse) { self.response = response }

        /// The next piece; nil at the end of the body.
        ///
        /// - Throws: `TestClientError`, `CancellationError`.
        public mutating func next() async throws -> [UInt8]? {
            guard !isAtEnd else { return nil }
            switch try await response.feed.next(within: response.timeout, limit: response.timeout) {
            case .body(let bytes): return bytes
            case .informational, .head, .end, .failed:
                isAtEnd = true
                return nil
            }
        }
    }

    /// The body as lines of text, without their ends (CR LF or LF). An unfinished last line counts as one.
    public var lines: Lines { Lines(response: self) }

    /// The lines of a response's body.
    public struct Lines: AsyncSequence, Sendable {
        /// A line without its end.
        public typealias Element = String
        fileprivate let response: TestStreamedResponse

        public func makeAsyncIterator() -> Iterator { Iterator(pieces: response.makeAsyncIterator()) }

        /// Reads the body line by line.
        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var pieces: TestStreamedResponse.AsyncIterator
            private var bytes: [UInt8] = []
            /// Where the next line begins.
            private var start = 0
            /// No line ends before this index: it is where the next search begins.
            private var searched = 0

            fileprivate init(pieces: TestStreamedResponse.AsyncIterator) { self.pieces = pieces }

            /// The next line; nil at the end of the body.
            ///
            /// - Throws: `TestClientError`, `CancellationError`.
            public mutating func next() async throws -> String? {
                while true {
                    if let end = bytes[searched...].firstIndex(of: 0x0A) { return take(upTo: end, next: end + 1) }
                    searched = bytes.count
                    guard let piece = try await pieces.next() else { break }
                    bytes.removeFirst(start)
                    searched -= start
                    start = 0
                    bytes += piece
                }
                return start < bytes.count ? take(upTo: bytes.count, next: bytes.count) : nil
            }

            private mutating func take(upTo end: Int, next: Int) -> String {
                var line = bytes[start..<end]
                if line.last == 0x0D { line.removeLast() }
                start = next
                searched = next
                return String(decoding: line, as: UTF8.self)
            }
        }
    }
}
