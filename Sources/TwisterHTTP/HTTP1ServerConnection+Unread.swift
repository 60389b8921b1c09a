import TwisterIO

/// Clients whose bytes are left in the socket for a while: the kernel then tells nothing of them, so that one that leaves
/// has to be looked for.
extension HTTP1ServerConnection {
    private static let watchInterval: Duration = .milliseconds(50)

    /// Holds the client up, by TCP's own flow control.
    func leaveUnread() {
        stream.stopReceiving()
        watch()
    }

    /// Looks after the client, as long as it is left unread.
    func watch() {
        guard !isWatched else { return }
        isWatched = true
        stream.loop.callLater(Self.watchInterval) { [weak self] in self?.lookAfterClient() }
    }

    private func lookAfterClient() {
        isWatched = false
        guard stream.isHeldUp, !isIdle else { return }
        if case .executing = progress {
            switch stream.peerPresence {
            case .there: break
            // Its last bytes may be the rest of the body; what follows a whole request is of no interest.
            case .ended: if isRequestRead { return streamEnded(stream) }
            case .gone: return stream.close(.endedByPeer)
            }
        }
        watch()
    }
}
