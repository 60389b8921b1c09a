import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Which stream's output goes first (RFC 9218), and that none waits for ever.
extension HTTP2ServerConnection {
    /// The client changes the priority of a stream. nghttp2 has done so, too.
    func priorityUpdated(_ id: Int32, _ field: String) {
        guard let stream = openStream(id) else { return }
        stream.priorityUpdate = Priority(field: field)
        applyPriority(stream)
    }

    /// Tells nghttp2 the priority of a stream. Nothing stands beside streams that are raised.
    func applyPriority(_ stream: HTTP2Stream) {
        var priority = stream.priority
        if stream.flow.age.isRaised {
            priority.urgency = 0
            priority.isIncremental = false
        } else if clocks.raisedStreams > 0, priority.urgency == 0 {
            priority.urgency = 1
        }
        session?.setPriority(stream.id, priority)
    }

    /// Raises the streams that were passed over for too long.
    func raiseStreams(at now: UInt64) {
        for stream in streams {
            let waits = stream.waitingBytes > 0 && session?.remoteWindow(stream.id) ?? 0 > 0
            let wasRaised = stream.flow.age.isRaised
            if stream.flow.age.isPassedOver(waits: waits, stream.flow.sent, clocks.bodySent, at: now) {
                stream.flow.age.raise(stream.flow.sent)
                raisedChanged(by: 1, stream)
            } else if wasRaised, !waits {
                raisedChanged(by: -1, stream)
            }
        }
    }

    /// Lowers the raised streams again that have sent their piece.
    func lowerStreams() {
        for stream in streams where stream.flow.age.isServed(stream.flow.sent, isEmpty: stream.waitingBytes == 0) {
            stream.flow.age.lower()
            raisedChanged(by: -1, stream)
        }
    }

    /// A stream was raised or lowered, or a raised one is gone.
    func raisedChanged(by change: Int, _ changed: HTTP2Stream?) {
        clocks.raisedStreams += change
        if let changed { applyPriority(changed) }
        // The first one raised puts those of the highest urgency back, and the last one lowered frees them.
        guard clocks.raisedStreams == max(change, 0) else { return }
        for stream in streams where stream !== changed && stream.priority.urgency == 0 { applyPriority(stream) }
    }

    /// Output waits: looks after a while whether it is passed over.
    func lookAtOutput() { stream.setDeadline(noLaterThan: stream.turnTime &+ OutputAge.lookInterval) }
}

extension HTTP2Stream {
    /// The priority of the response. A WebSocket takes turns with others of its urgency, as is fair for what has no end
    /// (RFC 9218, 11).
    var priority: Priority {
        var priority = priorityUpdate ?? exchange.requestHead[.priority].map { Priority(field: $0) } ?? Priority()
        if tunnel?.isAccepted == true { priority.isIncremental = true }
        return priority
    }
}
