import Testing
import TwisterTestSupport

@testable import TwisterWebSocket

@Suite("Frames")
struct FrameTests {
    private func parse(_ bytes: [UInt8]) -> FrameHeader.ParseResult { bytes.withUnsafeBytes { FrameHeader.parse($0) } }

    @Test("N-36: a header is read the same however it was cut", arguments: [0, 1, 125, 126, 0xFFFF, 0x1_0000, 1 << 40])
    func headers(length: Int) {
        for mask in [nil, UInt32(0x7856_3412)] {
            let header = FrameHeader(isFinal: true, isCompressed: true, opcode: .binary, mask: mask, length: length)
            var bytes = [UInt8](repeating: 0, count: FrameHeader.mostBytes)
            let size = bytes.withUnsafeMutableBytes { buffer in buffer.baseAddress.map(header.write(to:)) ?? 0 }
            bytes = Array(bytes[..<size])
            for cut in 0..<size { #expect(parse(Array(bytes[..<cut])) == .needMore) }
            #expect(parse(bytes) == .header(header, size: size))
        }
    }

    @Test("N-36: what no frame may have is refused at its header")
    func invalid() {
        #expect(parse([0x91, 0x80]) == .invalid(.reservedBits))
        #expect(parse([0xA1, 0x80]) == .invalid(.reservedBits))
        #expect(parse([0xC9, 0x80]) == .invalid(.reservedBits))
        for opcode in Array(3...7) + Array(11...15) {
            #expect(parse([0x80 | UInt8(opcode), 0x80]) == .invalid(.reservedOpcode))
        }
        #expect(parse([0x09, 0x80]) == .invalid(.fragmentedControl))
        #expect(parse([0x89, 0xFE]) == .invalid(.longControl))
        let negative: [UInt8] = [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]
        #expect(parse(negative) == .invalid(.length))
    }

    @Test("N-36: a length has to be in its shortest form", arguments: [0, 125, 126, 0xFFFF, 0x1_0000])
    func shortestForm(length: Int) {
        let medium = [0x82, 0xFE] + (0..<2).map { UInt8(truncatingIfNeeded: length >> (8 - 8 * $0)) }
        let long = [0x82, 0xFF] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
        if length < 126 { #expect(parse(medium) == .invalid(.length)) }
        // Refused, whether or not the mask has come.
        for rest in [[], [1, 2, 3, 4] as [UInt8]] {
            if length <= 0xFFFF {
                #expect(parse(long + rest) == .invalid(.length))
            } else {
                #expect(parse(long + rest) != .invalid(.length))
            }
        }
    }

    @Test("WS-16: payloads are unmasked alike at every length, offset and alignment")
    func masking() {
        let key: UInt32 = 0x7856_3412
        let octets: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        var generator = SeededGenerator(seed: 16)
        for length in 0..<80 {
            for offset in 0..<5 {
                let plain = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                let expected = plain.enumerated().map { $1 ^ octets[($0 + offset) & 3] }
                // In place, one byte off the alignment.
                var memory = [0] + plain
                memory.withUnsafeMutableBytes { buffer in
                    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[1...])
                    if let base = room.baseAddress {
                        Masking.apply(key, at: offset, from: UnsafeRawBufferPointer(room), to: base)
                    }
                }
                #expect(Array(memory[1...]) == expected)
            }
        }
    }

    @Test("N-36: text is checked as the standard library does, whole and cut at every place")
    func text() {
        let samples: [[UInt8]] = [
            Array("Hello-µ@ßöäüàá-UTF-8!!".utf8), [0xCE, 0xBA, 0xE1, 0xBD, 0xB9], [0xC0, 0x80], [0xED, 0xA0, 0x80],
            [0xED, 0x9F, 0xBF], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xEF, 0xBF],
            [0x80], [0xC2], [0xFF], [0xEE, 0x80, 0x80], Array("ASCII only, longer than eight".utf8) + [0xFE],
        ]
        for sample in samples {
            let expected = String(validating: sample, as: UTF8.self) != nil
            #expect(sample.withUnsafeBytes { UTF8Validator.isText($0) } == expected, "\(sample)")
            for cut in 0...sample.count {
                var validator = UTF8Validator()
                let isValid =
                    sample[..<cut].withUnsafeBytes { validator.accepts($0) }
                    && sample[cut...].withUnsafeBytes { validator.accepts($0) } && validator.isComplete
                #expect(isValid == expected, "\(sample) cut at \(cut)")
            }
        }
    }

    @Test("N-36: an invalid text is found at the first octet that cannot belong to one")
    func failFast() {
        var validator = UTF8Validator()
        let begun: [UInt8] = [0xF4]
        let wrong: [UInt8] = [0x90]
        #expect(begun.withUnsafeBytes { validator.accepts($0) })
        #expect(!wrong.withUnsafeBytes { validator.accepts($0) })
    }

    @Test("WS-6: close frames: codes that may be sent, reasons that are text and fit")
    func closing() {
        func parse(_ payload: [UInt8]) -> ProtocolViolation? {
            switch payload.withUnsafeBytes(CloseFrame.parse) {
            case .success: nil
            case .failure(let error): error
            }
        }
        #expect(parse([]) == nil)
        #expect(parse([3]) == .closePayload)
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            #expect(parse([UInt8(code >> 8), UInt8(code & 0xFF)]) == nil, "\(code)")
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            #expect(parse([UInt8(code >> 8), UInt8(code & 0xFF)]) == .closePayload, "\(code)")
        }
        #expect(parse([3, 0xE8, 0xC3]) == .invalidText)
        let long = CloseFrame(code: .normal, reason: String(repeating: "é", count: 100)).payload
        #expect(long.count == 2 + 122)
    }
}
