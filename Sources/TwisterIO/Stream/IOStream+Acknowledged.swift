import Glibc

extension IOStream {
    /// Whether a read of the socket would bring bytes, its end, or an error at once. A system call.
    var isSocketReadable: Bool {
        guard let fileDescriptor else { return false }
        var wanted = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, 0) > 0
    }

    /// `offsetof(struct tcp_info, tcpi_bytes_acked)` of the kernel (linux/tcp.h); Glibc's structure ends before it.
    private static let acknowledgedOffset = 120

    /// How many bytes the peer's kernel has acknowledged since the connection began; nil where that is not known: not TCP,
    /// closed, or a kernel that does not count. A system call.
    ///
    /// That a send has ended says less: the kernel takes much at once into its own buffer, and then nothing for long.
    package var acknowledgedCount: UInt64? {
        guard let fileDescriptor else { return nil }
        let size = Self.acknowledgedOffset + MemoryLayout<UInt64>.size
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { info in
            var length = socklen_t(size)
            guard getsockopt(fileDescriptor, CInt(IPPROTO_TCP), TCP_INFO, info.baseAddress, &length) == 0,
                Int(length) == size
            else { return nil }
            let count = info.load(fromByteOffset: Self.acknowledgedOffset, as: UInt64.self)
            return count > 0 ? count : nil
        }
    }
}
