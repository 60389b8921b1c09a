import Glibc

/// The descriptors 0, 1 and 2, which every program takes to be its input, its output and its errors.
package enum StandardDescriptors {
    /// Opens those of them that are closed on `/dev/null`.
    ///
    /// The kernel gives a new descriptor the lowest free number. In a process that was started with a closed 2, the first
    /// socket or event descriptor would be 2, and whatever writes errors would write into it. So this has to happen before
    /// the process makes its first descriptor. Later calls find the three open and change nothing.
    package static func secure() { _ = once }

    private static let once: Void = {
        for descriptor: CInt in 0...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The numbers below are open by now, so this gets the number that is missing. Children inherit it, as they
            // expect of these three.
            let opened = open("/dev/null", O_RDWR)
            if opened > descriptor { close(opened) }
        }
    }()
}
