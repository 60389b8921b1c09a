/// What sits on a stream and takes its bytes: an HTTP connection, a WebSocket, the reader behind `readUntil`.
///
/// Called on the loop's thread, from within a turn. A protocol of the floor that calls it, so that the stream knows
/// nothing of what its bytes mean.
package protocol IOStreamConsumer: AnyObject {
    /// Bytes that were not consumed yet, old ones first. Answers how many it consumed: the rest is kept and offered
    /// again with what comes next, or at `IOStream.resumeInput`.
    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int

    /// The peer sent its last byte; it may still read.
    func streamEnded(_ stream: IOStream)

    /// Output that was over the high watermark is under the low one again.
    func streamDrained(_ stream: IOStream)

    /// The time given to `IOStream.setDeadline` has passed.
    func streamDeadline(_ stream: IOStream)

    /// The stream is gone; nothing follows. Once.
    func streamClosed(_ stream: IOStream, _ reason: IOStream.CloseReason)
}

extension IOStreamConsumer {
    package func streamDrained(_ stream: IOStream) {}
    package func streamDeadline(_ stream: IOStream) {}
}
