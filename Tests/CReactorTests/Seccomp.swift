import Glibc

/// A filter on this thread's system calls, as a container's runtime sets one. It stays for good.
enum Seccomp {
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

    /// io_uring_setup fails with this error from now on.
    static func refuseIOUring(with error: CInt) {
        let loadNumber: UInt16 = 0x20
        let jumpIfEqual: UInt16 = 0x15
        let returnValue: UInt16 = 0x06
        let setup: UInt32 = 425
        let allow: UInt32 = 0x7fff_0000
        let refuse: UInt32 = 0x0005_0000
        var instructions = [
            Instruction(code: loadNumber, operand: 0),
            Instruction(code: jumpIfEqual, ifTrue: 0, ifFalse: 1, operand: setup),
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
        systemCall(number, option, first, second)
    }
}
