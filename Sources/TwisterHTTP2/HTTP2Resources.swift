import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The settings, the pool of streams and the encoder of response fields that the HTTP/2 connections of one loop share.
final class HTTP2Resources {
    let context: ServerContext
    let limits: HTTP2Configuration
    let functions: SessionFunctions
    /// The options of nghttp2's sessions.
    let options: OpaquePointer
    let responseFields: ResponseFields
    let streams: StreamPool<HTTP2Stream>

    init(_ context: ServerContext, _ limits: HTTP2Configuration, _ functions: SessionFunctions) {
        self.context = context
        self.limits = limits
        self.functions = functions
        responseFields = ResponseFields(context)
        streams = StreamPool(context.loop) { HTTP2Stream(context) }
        var options: OpaquePointer?
        guard nghttp2_option_new(&options) == 0, let options else {
            preconditionFailure("HTTP/2: no memory to start a server")
        }
        self.options = options
        // The windows open when the handlers have read the data, not automatically.
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_builtin_recv_extension_type(options, UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue))
        // Acknowledgements that wait to be sent (CVE-2019-9512, CVE-2019-9515): those of all control frames that may come at
        // once, because a client gets them only when everything that has arrived is read.
        nghttp2_option_set_max_outbound_ack(options, min(max(limits.controlFrames.burst, 0), 1 << 20) + 1)
        nghttp2_option_set_max_settings(options, Self.mostSettings)
        nghttp2_option_set_max_send_header_block_length(options, Self.longestHeaderBlock)
    }

    deinit { nghttp2_option_del(options) }

    var streamLimit: Int { min(max(limits.maxConcurrentStreams, 1), 10_000) }

    /// The window of each stream, in bytes: how much of a body may arrive while its handler lags behind.
    var streamWindow: Int32 { Int32(clamping: min(max(context.configuration.bodyBufferSize, 1024), 1 << 30)) }

    /// The window of each connection, in bytes. Its bytes count as taken at once, so that a stream whose handler lags behind
    /// does not hold up the others.
    static let connectionWindow: Int32 = 1 << 20

    /// The most octets of a response's head or trailers, in the longest form that HPACK could write. A stream whose response
    /// has more is reset.
    private static let longestHeaderBlock = 1 << 20

    /// The most entries of one SETTINGS frame. A client may send some that the server does not know (RFC 9113, 6.5.2), but no
    /// client needs to send thousands (CVE-2020-11080).
    private static let mostSettings = 256

    /// The approximate size, in bytes, of a stream's objects, and of a session with its first streams.
    static let streamSize = 8192
    static let sessionSize = 65_536
}
