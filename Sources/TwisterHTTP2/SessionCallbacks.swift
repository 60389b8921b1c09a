import CTwisterNghttp2

/// The functions that nghttp2 calls, which pass on what they are told to the connection or the stream. All of them are called
/// from within `HTTP2Session.receive` and `send`.
///
/// nghttp2 keeps unretained pointers for them, since it knows no references: to the connection, which owns the session, and
/// to streams, which the connection holds until nghttp2 has told that they are closed.
final class SessionCallbacks: Sendable {
    static let shared = SessionCallbacks()

    // The C object is written by `init` alone, hence the unchecked access from several threads.
    nonisolated(unsafe) let pointer: OpaquePointer?

    private init() {
        var made: OpaquePointer?
        guard nghttp2_session_callbacks_new(&made) == 0, let made else {
            pointer = nil
            return
        }
        pointer = made
        nghttp2_session_callbacks_set_on_begin_frame_callback(made) { _, header, context in
            guard let header else { return 0 }
            return SessionCallbacks.connection(context) { $0.frameBegins(header.pointee) }
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(made) { _, frame, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.headersBegin(frame.pointee.hd.stream_id) }
        }
        nghttp2_session_callbacks_set_on_header_callback(made) {
            _, frame, name, nameCount, value, valueCount, _, context in
            let name = UnsafeRawBufferPointer(start: name, count: nameCount)
            let value = UnsafeRawBufferPointer(start: value, count: valueCount)
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.fieldReceived(frame.pointee.hd.stream_id, name, value) }
        }
        // A request with such a field is malformed; without this callback nghttp2 would leave the field out.
        nghttp2_session_callbacks_set_on_invalid_header_callback(made) { _, frame, _, _, _, _, _, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.invalidFieldReceived(frame.pointee.hd.stream_id) }
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(made) { _, frame, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.frameReceived(frame) }
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made) { _, frame, _, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.invalidFrameReceived(frame.pointee.hd) }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made) { _, _, id, bytes, count, context in
            SessionCallbacks.connection(context) {
                $0.dataReceived(id, UnsafeRawBufferPointer(start: bytes, count: count))
            }
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(made) { _, frame, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.frameSent(frame) }
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(made) { _, frame, error, context in
            guard let frame else { return 0 }
            return SessionCallbacks.connection(context) { $0.frameNotSent(frame, error) }
        }
        nghttp2_session_callbacks_set_send_data_callback(made) { _, _, header, count, source, context in
            guard let header, let pointer = source?.pointee.ptr else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
            return SessionCallbacks.connection(context) { $0.sendData(header, count, stream) }
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(made) { _, id, error, context in
            SessionCallbacks.connection(context) { $0.streamClosed(id, error) }
        }
    }

    /// Says how many bytes of a body the next DATA frame gets. They are moved by `sendData`.
    static let readData: nghttp2_data_source_read_callback = { _, _, _, room, flags, source, _ in
        guard let flags, let pointer = source?.pointee.ptr else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        return Unmanaged<HTTP2Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.nextData(room, &flags.pointee) }
    }

    private static func connection(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2ServerConnection) -> CInt) -> CInt
    {
        guard let context else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        return Unmanaged<HTTP2ServerConnection>.fromOpaque(context)._withUnsafeGuaranteedRef(body)
    }
}
