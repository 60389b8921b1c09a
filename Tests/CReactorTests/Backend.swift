import CReactor
import Glibc
import Testing

/// A backend that the reactor's tests run on.
enum Backend: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case epoll
    case ioUring = "io_uring"

    var raw: reactor_backend { self == .epoll ? REACTOR_EPOLL : REACTOR_IO_URING }
    var testDescription: String { rawValue }

    /// Both, where this machine has both. A ring that the kernel grants and the reactor cannot open is a failure of the
    /// tests that use it, not a reason to leave them out.
    static let available: [Backend] = {
        if ioUringRefusal == 0, reactor_has_io_uring() == 1 { return [.epoll, .ioUring] }
        print("SKIPPED: the io_uring half of the reactor's tests (errno \(ioUringRefusal))")
        return [.epoll]
    }()

    /// The error number with which the kernel refuses a ring to this process; 0: it does not.
    static let ioUringRefusal: CInt = {
        var parameters = [UInt8](repeating: 0, count: 120)
        let fd = parameters.withUnsafeMutableBytes { systemCall(425, 4, Int(bitPattern: $0.baseAddress)) }
        if fd < 0 { return errno }
        close(CInt(fd))
        return 0
    }()
}

/// syscall(2), which Swift does not import because it is variadic.
@discardableResult
func systemCall(_ number: Int, _ first: Int, _ second: Int, _ third: Int = 0) -> Int {
    typealias Function = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int
    let address = dlsym(nil, "syscall")
    return unsafeBitCast(address, to: Function.self)(number, first, second, third, 0, 0)
}
