/// The protocol that sits on a stream and takes its bytes: an HTTP connection, a WebSocket, the reader behind `readUntil`.
///
/// Called on the loop's thread, from within a turn. It belongs to the layer that calls it, so that the stream knows
/// nothing of what its bytes mean.
package protocol IOStreamConsumer: AnyObject {
    /// Bytes that were not consumed yet, old ones first. Returns how many it consumed: the rest is kept and offered
    /// again with the bytes that come next, or at `IOStream.resumeInput`.
    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int

    /// The peer sent its last byte; it may still read.
    func streamEnded(_ stream: IOStream)

    /// The peer has left while receiving was stopped. `isGone` false: it has sent its last byte, which may be unread yet,
    /// and may still read. `isGone` true: nothing that is sent reaches it.
    func streamPeerLeft(_ stream: IOStream, isGone: Bool)

    /// Output that was over the high watermark is under the low one again.
    func streamDrained(_ stream: IOStream)

    /// The deadline of `IOStream.setDeadline` has passed. Everything that had arrived by `time` was delivered before.
    func streamDeadline(_ stream: IOStream, asOf time: UInt64)

    /// The stream is closed; nothing follows. Once.
    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason)
}

extension IOStreamConsumer {
    package func streamPeerLeft(_ stream: IOStream, isGone: Bool) {}
    package func streamDrained(_ stream: IOStream) {}
    package func streamDeadline(_ stream: IOStream, asOf time: UInt64) {}
}
