import Glibc
import Testing

/// Plain sockets for the far side of a test.
enum Sockets {
    static let stream = CInt(SOCK_STREAM.rawValue)
    // Glibc's module does not always have these two.
    static let dontWait: CInt = 0x40
    static let noSignal: CInt = 0x4000

    /// A listening TCP socket on 127.0.0.1 and its port.
    static func listener(backlog: CInt = 128) throws -> (fd: CInt, port: UInt16) {
        let fd = socket(AF_INET, stream, 0)
        try #require(fd >= 0)
        var address = loopback(port: 0)
        try #require(withSockaddr(&address) { bind(fd, $0, $1) } == 0)
        try #require(Glibc.listen(fd, backlog) == 0)
        return (fd, try port(of: fd))
    }

    static func port(of fd: CInt) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
        }
        try #require(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }

    static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    static func withSockaddr<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// A connected blocking TCP socket.
    static func connect(port: UInt16) throws -> CInt {
        let fd = socket(AF_INET, stream, 0)
        try #require(fd >= 0)
        var address = loopback(port: port)
        try #require(withSockaddr(&address) { Glibc.connect(fd, $0, $1) } == 0)
        return fd
    }

    /// Both ends of a TCP connection.
    static func tcpPair() throws -> (ours: CInt, theirs: CInt) {
        let (listener, port) = try listener()
        defer { close(listener) }
        let theirs = try connect(port: port)
        let ours = accept(listener, nil, nil)
        try #require(ours >= 0)
        return (ours, theirs)
    }

    static func unixPair() throws -> (ours: CInt, theirs: CInt) {
        var pair: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, stream, 0, &pair) == 0)
        return (pair[0], pair[1])
    }

    static func makePipe() throws -> (read: CInt, write: CInt) {
        var pair: [CInt] = [0, 0]
        try #require(pipe(&pair) == 0)
        return (pair[0], pair[1])
    }

    /// Bytes that stay where they are: "hello".
    static var hello: UnsafePointer<UInt8> { helloText.utf8Start }
    private static let helloText: StaticString = "hello"

    /// A file that has no name.
    static func temporaryFile() throws -> CInt {
        var path = Array("/tmp/creactor.XXXXXX".utf8CString)
        let fd = mkstemp(&path)
        try #require(fd >= 0)
        unlink(path)
        return fd
    }

    /// eventfd(2), whose header Glibc's module leaves out.
    static func event() -> CInt {
        typealias Function = @convention(c) (CUnsignedInt, CInt) -> CInt
        return unsafeBitCast(dlsym(nil, "eventfd"), to: Function.self)(0, CInt(O_NONBLOCK))
    }

    @discardableResult
    static func write(_ fd: CInt, _ bytes: [UInt8]) -> Int {
        send(fd, bytes, bytes.count, noSignal | dontWait)
    }

    /// Everything that can be read without waiting.
    static func drain(_ fd: CInt) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = recv(fd, &chunk, chunk.count, dontWait)
            if count <= 0 { return all }
            all += chunk[..<count]
        }
    }

    /// Closes with a reset instead of an end.
    static func reset(_ fd: CInt) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close(fd)
    }
}
