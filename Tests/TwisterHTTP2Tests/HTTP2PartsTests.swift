import Testing
import TwisterCodec
import TwisterHTTP
import TwisterTestSupport

@testable import TwisterHTTP2

@Suite("HTTP/2: parts")
struct HTTP2PartsTests {
    @Test("N-37: what a field `priority` says (RFC 9218, 4)")
    func priority() {
        let rows: [(String, UInt32, Bool)] = [
            ("u=1", 1, false), ("i, u=7", 7, true), ("u=0,i", 0, true), ("u=2;a=b, i", 2, true), ("u=2, u=5", 5, false),
            ("", 3, false), ("i", 3, true), ("i=?1", 3, true), ("i=?0", 3, false), ("i, i=?0", 3, false),
            ("u=8", 3, false),
            ("u=12", 3, false), ("u", 3, false), ("u=", 3, false), ("u=-1", 3, false), ("xu=1", 3, false),
            ("\t u=4 ", 4, false), (",,u=2", 2, false), ("i;a=1", 3, true), ("ii", 3, false),
        ]
        for (field, urgency, isIncremental) in rows {
            let priority = Priority(field: field)
            #expect(priority.urgency == urgency && priority.isIncremental == isIncremental, "\(field)")
        }
    }

    @Test("a stream is passed over where others of its connection are sent for a second and it is not")
    func age() {
        let second: UInt64 = 1_000_000_000
        var age = OutputAge()
        func look(_ waits: Bool, _ sent: Int, _ connectionSent: Int, _ seconds: UInt64) -> Bool {
            age.isPassedOver(waits: waits, sent, connectionSent, at: seconds * second)
        }
        let looks = [
            look(true, 0, 0, 1), look(true, 0, 0, 3),  // The client takes nothing.
            look(true, 0, 10, 4), look(false, 0, 10, 5), look(true, 0, 20, 6),  // Its own window was closed.
            look(true, 5, 30, 8), look(true, 5, 40, 9),
        ]
        #expect(looks == [false, false, true, false, false, false, true])
        age.raise(5)
        let served = (
            age.isServed(6, isEmpty: false), age.isServed(6, isEmpty: true), age.isServed(70_000, isEmpty: false)
        )
        #expect(served == (false, true, true))
        let isRaisedAgain = look(true, 5, 50, 12)
        #expect(!isRaisedAgain && age.isRaised)
        age.lower()
        #expect(!age.isRaised && !age.isServed(70_000, isEmpty: true))
    }

    @Test("frames are found wherever the octets are cut")
    func scanner() throws {
        let frames: [(UInt8, UInt8, UInt32, Int)] = [
            (4, 0, 0, 0), (1, 5, 1, 20), (0, 0, 0x1234_5679, 300), (0, 1, 3, 0), (0x77, 255, 0x7FFF_FFFF, 3),
            (9, 4, 0x100, 1),
        ]
        var octets = FrameClient.preface
        for (type, flags, stream, count) in frames {
            octets += FrameClient.frame(
                type, flags: flags, stream: stream, payload: [UInt8](repeating: 9, count: count))
        }
        for size in [1, 2, 3, 7, 8, 9, 10, 50, octets.count] {
            var scanner = FrameScanner()
            var found: [(UInt8, UInt8, UInt32, Int)] = []
            for start in stride(from: 0, to: octets.count, by: size) {
                let piece = Array(octets[start..<min(start + size, octets.count)])
                let count = piece.withUnsafeBytes {
                    scanner.scan($0) { header in
                        found.append((header.type, header.flags, header.stream, header.length))
                        return true
                    }
                }
                #expect(count == piece.count)
            }
            #expect(found.elementsEqual(frames, by: ==), "pieces of \(size)")
        }
    }

    @Test("GOAWAY is masked where it names a stream, and PRIORITY comes with the stream on which its own depends")
    func numbers() {
        let types = FrameClient.FrameType.self
        let before = FrameClient.preface + FrameClient.frame(types.data, stream: 1, payload: [7, 7])
        let goAway = FrameClient.frame(types.goAway, payload: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        var octets = before + goAway
        octets += FrameClient.frame(types.priority, stream: 5, payload: [0x80, 0, 1, 5, 9])
        octets += FrameClient.frame(types.priority, stream: 7, payload: [1, 2])
        octets += FrameClient.frame(types.ping, payload: [UInt8](repeating: 7, count: 8))
        for size in [1, 2, 3, 4, 5, 9, octets.count] {
            var scanner = FrameScanner()
            var masked: [Int] = []
            var found: [(UInt8, UInt32?)] = []
            for start in stride(from: 0, to: octets.count, by: size) {
                let piece = Array(octets[start..<min(start + size, octets.count)])
                _ = piece.withUnsafeBytes {
                    scanner.scan($0) { header in
                        found.append((header.type, header.dependency))
                        return true
                    }
                }
                masked += scanner.masks.joined().map { start + $0 }
            }
            #expect(masked == Array(before.count + 9..<before.count + 13), "pieces of \(size)")
            let expected: [(UInt8, UInt32?)] = [
                (types.data, nil), (types.goAway, nil), (types.priority, 0x105), (types.priority, nil),
                (types.ping, nil),
            ]
            #expect(found.elementsEqual(expected, by: ==), "pieces of \(size)")
        }
    }

    @Test("a rate allows its burst, and then so many a second")
    func rate() {
        var bucket = TokenBucket(HTTP2Configuration.FrameRate(burst: 3, perSecond: 2), at: 1_000_000_000)
        let times: [UInt64] = [1, 1, 1, 1, 1_400, 1_500, 1_500, 9_000, 9_000, 9_000, 9_000]
        let taken = times.map { bucket.take(at: $0 == 1 ? 1_000_000_000 : $0 * 1_000_000) }
        #expect(taken == [true, true, true, false, false, true, false, true, true, true, false])
        // A clock that goes back, and numbers without sense, do no harm.
        var odd = TokenBucket(HTTP2Configuration.FrameRate(burst: -1, perSecond: -5), at: .max)
        let first = odd.take(at: 0)
        let second = odd.take(at: .max)
        #expect(first && !second)
    }

    @Test("N-38: a client may send eight updates of windows for each 16 KiB of data (Go), and not without data")
    func windowUpdates() {
        var limits = HTTP2Configuration()
        limits.windowUpdates = HTTP2Configuration.FrameRate(burst: 20, perSecond: 0)
        var counts = FrameCounts(limits, at: 0)
        let update = FrameClient.frame(FrameClient.FrameType.windowUpdate, payload: FrameClient.number(2048))
        let eight = (0..<8).flatMap { _ in update }
        #expect(FrameClient.preface.withUnsafeBytes { counts.count($0, at: 0).1 } == nil)
        for _ in 0..<1000 {
            counts.dataSent(16_384)
            let exceeded = eight.withUnsafeBytes { counts.count($0, at: 0).1 }
            #expect(exceeded == nil)
        }
        let exceeded = (0..<10).map { _ in eight.withUnsafeBytes { counts.count($0, at: 0).1 } }
        #expect(exceeded.last == .limit(.windowUpdates))
    }

    @Test("pending output gives back what was put in, in pieces of any size")
    func output() {
        for size in [1, 3, 1000, 16_384, 70_000] {
            var output = PendingOutput()
            var expected: [UInt8] = []
            var random = SeededGenerator(seed: 3)
            for index in 0..<40 {
                let piece = (0..<Int.random(in: 0...3000, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                expected += piece
                if index % 3 == 0 { output.append(keeping: piece) } else { piece.withUnsafeBytes { output.append($0) } }
            }
            #expect(output.count == expected.count)
            #expect(output.memory == expected.count)
            var taken: [UInt8] = []
            while !output.isEmpty {
                let step = min(size, output.count)
                var room = [UInt8](repeating: 0, count: step)
                let isWhole = room.withUnsafeMutableBytes { room in
                    room.baseAddress.map { output.take(step, to: $0) } ?? false
                }
                #expect(isWhole)
                taken += room
            }
            #expect(taken == expected)
            #expect(output.memory == 0)
        }
    }
}
