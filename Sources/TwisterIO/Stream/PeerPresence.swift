/// Whether the other end of a stream is still there.
package enum PeerPresence {
    case there
    /// It has sent its last byte, which may not be read yet.
    case ended
    /// Nothing that is sent reaches it.
    case gone
}
