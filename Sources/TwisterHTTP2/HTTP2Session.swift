import CTwisterNghttp2
import TwisterCodec

/// nghttp2's state of one connection: frames, HPACK, windows, the states of streams (RFC 9113, 7541, 9218).
///
/// nghttp2 calls its functions with a pointer to the owner, and only from within `receive` and `send`. Owner and streams are
/// raw pointers here, because C knows no objects.
struct HTTP2Session: ~Copyable {
    private let session: OpaquePointer
    private let functions: SessionFunctions

    /// Nil where there is no memory. The owner outlives the session.
    init?(owner: UnsafeMutableRawPointer, _ functions: SessionFunctions, options: OpaquePointer) {
        guard let callbacks = functions.callbacks else { return nil }
        var made: OpaquePointer?
        guard nghttp2_session_server_new2(&made, callbacks, owner, options) == 0, let made else { return nil }
        session = made
        self.functions = functions
    }

    deinit { nghttp2_session_del(session) }

    // MARK: Bytes

    /// Reads bytes of the client. Returns how many, or a negative error of nghttp2.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }

    /// The bytes of the next frame for the client, valid until the next call; empty: there are none. DATA is written by
    /// `SessionCallbacks.sendData` instead. Nil: the session is broken.
    func send() -> UnsafeRawBufferPointer? {
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &bytes)
        return count < 0 ? nil : UnsafeRawBufferPointer(start: bytes, count: count)
    }

    /// Whether nothing more is to be read or sent: GOAWAY was sent or received, and all streams have closed.
    var isOver: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

    /// Frames that wait to be sent.
    var queuedFrames: Int { nghttp2_session_get_outbound_queue_size(session) }

    // MARK: Connection

    func submitSettings(streams: Int, window: Int32, headerList: Int) -> Bool {
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(clamping: streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(clamping: window)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(clamping: headerList)),
            // WebSockets may be opened by extended CONNECT (RFC 8441, 3).
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL.rawValue), value: 1),
            // The priorities of RFC 9218 hold, not those of RFC 7540.
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        return settings.withUnsafeBufferPointer {
            nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count) == 0
        }
    }

    /// Sets the window of the whole connection.
    func openWindow(_ size: Int32) -> Bool {
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, size) == 0
    }

    /// Tells the client to begin no more requests, while those on their way are served (RFC 9113, 6.8).
    func submitShutdownNotice() { _ = nghttp2_submit_shutdown_notice(session) }

    /// The last stream whose request has come, or is coming.
    var lastRequest: Int32 { nghttp2_session_get_last_proc_stream_id(session) }

    /// Tells the client that requests behind that one are not processed.
    func submitGoAway(last: Int32) {
        _ = nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
    }

    /// Ends the connection with an error: nothing but GOAWAY is sent any more.
    func terminate(_ error: nghttp2_error_code) { _ = nghttp2_session_terminate_session(session, error.rawValue) }

    // MARK: Streams

    /// Notes the object of a stream.
    func attach(_ object: UnsafeMutableRawPointer, _ id: Int32) {
        _ = nghttp2_session_set_stream_user_data(session, id, object)
    }

    /// The stream has no object any more.
    func detach(_ id: Int32) { _ = nghttp2_session_set_stream_user_data(session, id, nil) }

    /// The object of a stream that is open.
    func object(of id: Int32) -> UnsafeMutableRawPointer? { nghttp2_session_get_stream_user_data(session, id) }

    /// - Parameter source: the object that gives the body; nil: the response has none.
    func submitResponse(
        _ id: Int32, _ fields: UnsafePointer<nghttp2_nv>?, _ count: Int, _ source: UnsafeMutableRawPointer?
    ) -> CInt {
        guard let source else { return nghttp2_submit_response(session, id, fields, count, nil) }
        var provider = nghttp2_data_provider()
        provider.source.ptr = source
        provider.read_callback = functions.readData
        return nghttp2_submit_response(session, id, fields, count, &provider)
    }

    func submitInformational(_ id: Int32, _ fields: UnsafePointer<nghttp2_nv>?, _ count: Int) -> CInt {
        nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, fields, count, nil)
    }

    func submitTrailers(_ id: Int32, _ fields: UnsafePointer<nghttp2_nv>?, _ count: Int) -> CInt {
        nghttp2_submit_trailer(session, id, fields, count)
    }

    /// Has a stream go before others, or take turns with them. From then on nghttp2 ignores what the client says of the
    /// stream's priority: in PRIORITY_UPDATE, or in the field `priority`, which nghttp2 reads after it has reported the
    /// request.
    func setPriority(_ id: Int32, _ priority: Priority) {
        var value = nghttp2_extpri(urgency: priority.urgency, inc: priority.isIncremental ? 1 : 0)
        _ = nghttp2_session_change_extpri_stream_priority(session, id, &value, 1)
    }

    /// Tells nghttp2 that a body, which had nothing to send, has more.
    func resume(_ id: Int32) { _ = nghttp2_session_resume_data(session, id) }

    func reset(_ id: Int32, _ error: nghttp2_error_code) {
        _ = nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, error.rawValue)
    }

    /// Bytes of DATA were taken by the connection: its window opens again.
    func consumeConnection(_ count: Int) { _ = nghttp2_session_consume_connection(session, count) }

    /// Bytes of DATA were taken by the handler: the stream's window opens again.
    func consumeStream(_ id: Int32, _ count: Int) { _ = nghttp2_session_consume_stream(session, id, count) }

    /// How much the client lets the stream send; 0 where its window is exhausted.
    func remoteWindow(_ id: Int32) -> Int { Int(nghttp2_session_get_stream_remote_window_size(session, id)) }

    /// How much the client lets all streams send.
    var remoteConnectionWindow: Int { Int(nghttp2_session_get_remote_window_size(session)) }

    /// The client's SETTINGS_INITIAL_WINDOW_SIZE.
    var remoteInitialWindow: Int {
        Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE))
    }
}

/// The functions that nghttp2 calls.
struct SessionFunctions {
    /// All but `readData`; nil where there was no memory for them.
    var callbacks: OpaquePointer?
    /// Says how many bytes of a body the next DATA frame gets.
    var readData: nghttp2_data_source_read_callback
}
