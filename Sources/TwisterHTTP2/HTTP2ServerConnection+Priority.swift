import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The order of the streams' output (RFC 9218). No stream waits for ever.
extension HTTP2ServerConnection {
    /// The client changes the priority of a stream.
    func priorityUpdated(_ id: Int32, _ field: String) {
        let priority = Priority(field: field)
        if let stream = openStream(id) {
            stream.priorityUpdate = priority
            applyPriority(stream)
        } else if isIdle(id) {
            keepPriority(id, priority)
        }
    }

    /// Whether the client may still open the stream.
    private func isIdle(_ id: Int32) -> Bool { id & 1 == 1 && id > session?.lastRequest ?? .max }

    /// Keeps an update for a request that is to come, as long as they are not too many.
    private func keepPriority(_ id: Int32, _ priority: Priority) {
        if output.earlyPriorities.count >= resources.streamLimit {
            // Numbers that were passed over cannot be used any more (RFC 9113, 5.1.1).
            output.earlyPriorities = output.earlyPriorities.filter { isIdle($0.key) }
        }
        guard output.earlyPriorities.count < resources.streamLimit || output.earlyPriorities[id] != nil else { return }
        output.earlyPriorities[id] = priority
    }

    /// Sets the priority of a request that begins. A PRIORITY_UPDATE that came before counts more than the request's own field
    /// (RFC 9218, 7.1); nghttp2 would use the field.
    func beginPriority(_ stream: HTTP2Stream) {
        if !output.earlyPriorities.isEmpty {
            stream.priorityUpdate = output.earlyPriorities.removeValue(forKey: stream.id)
        }
        if stream.priorityUpdate != nil || output.raisedStreams > 0 { applyPriority(stream) }
    }

    /// Tells nghttp2 the priority of a stream. Nothing stands beside streams that are raised.
    func applyPriority(_ stream: HTTP2Stream) {
        var priority = stream.priority
        if stream.flow.age.isRaised {
            priority.urgency = 0
            priority.isIncremental = false
        } else if output.raisedStreams > 0, priority.urgency == 0 {
            priority.urgency = 1
        }
        session?.setPriority(stream.id, priority)
    }

    /// Raises the streams that were passed over for too long.
    func raiseStreams(at now: UInt64) {
        for stream in streams {
            let waits = stream.waitingBytes > 0 && session?.remoteWindow(stream.id) ?? 0 > 0
            let wasRaised = stream.flow.age.isRaised
            if stream.flow.age.isPassedOver(waits: waits, stream.flow.sent, output.bodySent, at: now) {
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

    /// A stream was raised or lowered, or a raised one has closed.
    func raisedChanged(by change: Int, _ changed: HTTP2Stream?) {
        output.raisedStreams += change
        if let changed { applyPriority(changed) }
        // The first raised stream moves those of the highest urgency back, and the last one that is lowered moves them forward
        // again.
        guard output.raisedStreams == max(change, 0) else { return }
        for stream in streams where stream !== changed && stream.priority.urgency == 0 { applyPriority(stream) }
    }

    /// Checks after a while whether the output that waits is passed over.
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
