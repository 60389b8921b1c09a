import Testing

@testable import TwisterIO

/// Offers `bytes` in two pieces, cut at `cut`, then the end; returns what the read got and what it left.
private func run(_ goal: ReadRequest.Goal, _ bytes: [UInt8], cut: Int, limit: Int = 1000) throws -> String {
    var request = ReadRequest(goal)
    var input: [UInt8] = []
    let offers: [(piece: ArraySlice<UInt8>, later: ArraySlice<UInt8>, atEnd: Bool)] = [
        (bytes[..<cut], bytes[cut...], false), (bytes[cut...], [], false), ([], [], true),
    ]
    for (piece, later, atEnd) in offers {
        input += piece
        let (consumed, result) = try input.withUnsafeBytes { try request.offer($0, atEnd: atEnd, limit: limit) }
        input.removeFirst(consumed)
        // What comes later is left, whenever it comes.
        if let result { return text(result.bytes) + "|" + text(input + later) }
    }
    return "nothing|" + text(input)
}

@Suite("ReadRequest")
struct ReadRequestTests {
    @Test("IOS-3, IOS-4, IOS-5, IOS-7, S-26: split at every byte position gives equal results")
    func splits() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest\r\n\r\n".utf8)
        let pattern = try BytePattern(#"\r?\n\r?\n"#)
        for cut in 0...bytes.count {
            let delimiter = Array("\r\n\r\n".utf8)
            let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n|rest\r\n\r\n"
            #expect(try run(.delimiter(delimiter, maxBytes: .max), bytes, cut: cut) == head)
            #expect(try run(.pattern(pattern.matcher(), maxBytes: .max), bytes, cut: cut) == head)
            #expect(
                try run(.bytes(5, partial: false), bytes, cut: cut) == "GET /| HTTP/1.1\r\nHost: a\r\n\r\nrest\r\n\r\n")
            #expect(try run(.untilClose, bytes, cut: cut) == text(bytes) + "|")
            #expect(
                try run(.delimiter(Array("none".utf8), maxBytes: .max), bytes, cut: cut) == "nothing|" + text(bytes))
        }
    }

    @Test("IOS-3: the result may be maxBytes long, delimiter included, and no longer", arguments: 0...8)
    func maxBytes(cut: Int) throws {
        let bytes = Array("abcd\r\nef".utf8)
        let delimiter = Array("\r\n".utf8)
        #expect(try run(.delimiter(delimiter, maxBytes: 6), bytes, cut: cut) == "abcd\r\n|ef")
        #expect(throws: UnsatisfiableReadError.self) {
            try run(.delimiter(delimiter, maxBytes: 5), bytes, cut: cut)
        }
        #expect(throws: UnsatisfiableReadError.self) {
            try run(.pattern(BytePattern("\\r\\n").matcher(), maxBytes: 5), bytes, cut: cut)
        }
    }

    @Test("IOS-9: no read waits with more than the limit", arguments: 0...8)
    func limit(cut: Int) throws {
        let bytes = Array("abcd\r\nef".utf8)
        for goal: ReadRequest.Goal in [
            .delimiter([0x0A], maxBytes: .max), .bytes(7, partial: false), .untilClose,
        ] {
            #expect(throws: StreamBufferFullError.self) { try run(goal, bytes, cut: cut, limit: 5) }
        }
        #expect(try run(.bytes(5, partial: false), bytes, cut: cut, limit: 5) == "abcd\r|\nef")
    }

    @Test("IOS-8: the search looks at each byte once")
    func linear() throws {
        // Each byte could be where a match begins. Quadratic, these 50,000 offers would look at 1,250,000,000 of them.
        let count = 50_000
        let bytes = [UInt8](repeating: 0x61, count: count) + [0x62]
        let goals: [ReadRequest.Goal] = [
            .delimiter(Array("aab".utf8), maxBytes: .max), .pattern(try BytePattern("a?b").matcher(), maxBytes: .max),
        ]
        for goal in goals {
            var request = ReadRequest(goal)
            let start = threadTime()
            let found = try bytes.withUnsafeBytes { all -> Int? in
                for end in 1...count {
                    let part = UnsafeRawBufferPointer(rebasing: all[..<end])
                    if try request.offer(part, atEnd: false, limit: .max).result != nil { return end }
                }
                return try request.offer(all, atEnd: false, limit: .max).result?.count
            }
            #expect(found == count + 1)
            #expect(threadTime() - start < 5_000_000_000)
        }
    }

    @Test("IOS-6: a read into memory takes bytes as they come, and can give them back")
    func intoMemory() throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { memory.deallocate() }
        var request = ReadRequest(.buffer(memory, partial: false))
        let first = try Array("ab".utf8).withUnsafeBytes { try request.offer($0, atEnd: false, limit: 1) }
        #expect(first.consumed == 2 && first.result == nil)
        #expect(text(Array(request.taken)) == "ab")
        let second = try Array("cde".utf8).withUnsafeBytes { try request.offer($0, atEnd: false, limit: 1) }
        #expect(second.consumed == 2 && second.result?.count == 4)
        #expect(text(Array(memory)) == "abcd")
    }
}
