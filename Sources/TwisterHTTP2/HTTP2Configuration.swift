public import TwisterHTTP

/// The limits of HTTP/2 connections (RFC 9113), each with a safe default. The limits and deadlines of
/// `HTTPServer.Configuration` hold for HTTP/2, too: of heads, bodies, idle connections, clients that do not read.
///
/// A client that is over a limit gets GOAWAY with ENHANCE_YOUR_CALM, and the connection is closed.
public struct HTTP2Configuration: Sendable {
    /// How many frames of a kind a client may send: `burst` at once, then `perSecond` each second.
    public struct FrameRate: Sendable, Equatable {
        /// How many frames may come at once.
        public var burst: Int
        /// How many frames may come in each further second.
        public var perSecond: Int

        public init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    /// Most requests of one connection at once, from 1 to 10,000. A request counts until its handler has returned, even where
    /// the client has reset it. Over it: REFUSED_STREAM. Default 100.
    public var maxConcurrentStreams = 100
    /// How many streams may be reset: by the client, or by the server because of the client's errors (CVE-2023-44487 Rapid
    /// Reset, CVE-2025-8671 MadeYouReset). Errors on streams whose requests were begun may be an eighth of that. Default 200 at
    /// once, 50 a second.
    public var resets = FrameRate(burst: 200, perSecond: 50)
    /// The limit of errors. It is lower, because clients have many reasons to give up requests, but none to break the rules of
    /// HTTP/2.
    var errors: FrameRate { FrameRate(burst: resets.burst / 8, perSecond: resets.perSecond / 8) }
    /// PING, SETTINGS, PRIORITY, PRIORITY_UPDATE and frames of unknown types. Default 1,000 at once, 200 a second.
    public var controlFrames = FrameRate(burst: 1000, perSecond: 200)
    /// WINDOW_UPDATE, beyond two for each DATA frame and one for each KiB of data that was sent. Default 1,000 at once, 500 a
    /// second.
    public var windowUpdates = FrameRate(burst: 1000, perSecond: 500)
    /// DATA frames without data that do not end their stream. Default 100 at once, 20 a second.
    public var emptyFrames = FrameRate(burst: 100, perSecond: 20)
    /// Most CONTINUATION frames of one header block. Default 8, which is enough for the largest head in frames of the usual
    /// size.
    public var maxContinuations = 8

    public init() {}
}

extension HTTPServerConfiguration {
    /// HTTP/2 with these limits; nil: the server speaks HTTP/1.1 only. A connection speaks HTTP/2 where it begins with the
    /// preface of HTTP/2, whatever the port (prior knowledge; RFC 9113, 3.3). Default nil; servers that `ServerConfiguration`
    /// or `ServerOptions` describe have it on.
    public var http2: HTTP2Configuration? {
        get { (otherProtocol as? HTTP2Protocol)?.configuration }
        set { otherProtocol = newValue.map(HTTP2Protocol.init) }
    }
}

/// HTTP/2, for servers.
struct HTTP2Protocol: ConnectionProtocol {
    let configuration: HTTP2Configuration

    func makeService(for context: ServerContext) -> any ConnectionService { HTTP2Service(context, configuration) }
}
