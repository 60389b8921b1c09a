import Glibc

/// A filter on this thread's system calls, as a container's runtime sets one. It stays for good.
package enum Seccomp {
    private struct Instruction {
        var code: UInt16
        var ifTrue: UInt8 = 0
        var ifFalse: UInt8 = 0
        var operand: UInt32
    }

    private struct Program {
        var count: UInt16
        var instructions: UnsafeMutablePointer<Instruction>?
    }

    package static let ioUringSetup: UInt32 = 425
    package static let openat2: UInt32 = 437

    /// The system call fails with this error from now on.
    package static func refuse(_ systemCall: UInt32, with error: CInt) {
        let loadNumber: UInt16 = 0x20
        let jumpIfEqual: UInt16 = 0x15
        let returnValue: UInt16 = 0x06
        let allow: UInt32 = 0x7fff_0000
        let refuse: UInt32 = 0x0005_0000
        var instructions = [
            Instruction(code: loadNumber, operand: 0),
            Instruction(code: jumpIfEqual, ifTrue: 0, ifFalse: 1, operand: systemCall),
            Instruction(code: returnValue, operand: refuse | UInt32(error)),
            Instruction(code: returnValue, operand: allow),
        ]
        instructions.withUnsafeMutableBufferPointer { buffer in
            var program = Program(count: UInt16(buffer.count), instructions: buffer.baseAddress)
            withUnsafeMutablePointer(to: &program) { program in
                let noNewPrivileges = 38
                let setSeccomp = 22
                let filterMode = 2
                prctl(noNewPrivileges, 1, 0)
                prctl(setSeccomp, filterMode, Int(bitPattern: program))
            }
        }
    }

    private static func prctl(_ option: Int, _ first: Int, _ second: Int) {
        #if arch(arm64)
        let number = 167
        #else
        let number = 157
        #endif
        typealias Function = @convention(c) (Int, Int, Int, Int) -> Int
        // syscall(2) is variadic, so that Swift does not import it.
        let address = dlsym(nil, "syscall")
        _ = unsafeBitCast(address, to: Function.self)(number, option, first, second)
    }
}
