import Glibc

extension IOStream {
    /// Closes at once, and so that the peer sees that the connection broke and did not end: for an answer that only the
    /// connection's end delimits, an orderly end would say that it is whole.
    package func reset() {
        if let fileDescriptor {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(fileDescriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close()
    }
}
