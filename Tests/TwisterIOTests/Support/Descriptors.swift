import Glibc

/// A pipe, which is closed when the last reference to it is released.
final class Pipe: @unchecked Sendable {
    let reading: CInt
    let writing: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    func write() {
        var byte: UInt8 = 1
        precondition(Glibc.write(writing, &byte, 1) == 1)
    }

    func read() {
        var byte: UInt8 = 0
        precondition(Glibc.read(reading, &byte, 1) == 1)
    }
}

/// Creates a pair of connected stream sockets.
func makeSocketPair() -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    precondition(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1])
}

/// Creates a connection over 127.0.0.1, and returns both ends.
func makeTCPPair() -> (CInt, CInt) {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            precondition(bind(listener, pointer, length) == 0 && listen(listener, 1) == 0)
            precondition(getsockname(listener, pointer, &length) == 0 && connect(client, pointer, length) == 0)
        }
    }
    let server = accept(listener, nil, nil)
    precondition(server >= 0)
    close(listener)
    return (client, server)
}

/// Has close(2) send a reset.
func setLinger(_ fd: CInt) {
    var option = linger(l_onoff: 1, l_linger: 0)
    precondition(setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size)) == 0)
}

/// Functions that the Glibc module does not contain.
enum LibC {
    private static func symbol<Function>(_ name: String, _: Function.Type) -> Function {
        guard let pointer = dlsym(nil, name) else { preconditionFailure("no \(name)") }
        return unsafeBitCast(pointer, to: Function.self)
    }

    static let eventfd = symbol("eventfd", (@convention(c) (CUnsignedInt, CInt) -> CInt).self)
    static let timerfdCreate = symbol("timerfd_create", (@convention(c) (CInt, CInt) -> CInt).self)

    /// Sets the user by whose permissions this thread accesses files.
    static let setfsuid = symbol("setfsuid", (@convention(c) (uid_t) -> CInt).self)

    private static let timerfdSetTime = symbol(
        "timerfd_settime",
        (@convention(c) (CInt, CInt, UnsafeRawPointer, UnsafeMutableRawPointer?) -> CInt).self)

    /// Has a timerfd expire once. Its itimerspec is passed as four words, because the module of timespec depends on the build.
    static func startTimer(_ fd: CInt, nanoseconds: Int) -> CInt {
        let times = (0, 0, 0, nanoseconds)
        return withUnsafeBytes(of: times) { bytes in
            bytes.baseAddress.map { timerfdSetTime(fd, 0, $0, nil) } ?? -1
        }
    }
}
