import Testing

@testable import TwisterCodec

@Suite("Byte scanner")
struct ByteScannerTests {
    private typealias Scan = (UnsafeRawPointer, Int, Int) -> Int

    /// Puts each octet at each place of texts of each length around the width of a block.
    private func check(filler: UInt8, _ scan: Scan, allowed: (UInt8) -> Bool) {
        let buffer = GuardedBuffer(capacity: 64)
        for length in [1, 16, 17, 35] {
            for place in 0..<length {
                for byte in UInt8.min...UInt8.max {
                    var text = [UInt8](repeating: filler, count: length)
                    text[place] = byte
                    let found = buffer.withBytes(text) { bytes in
                        bytes.baseAddress.map { scan($0, 0, bytes.count) }
                    }
                    if found != (allowed(byte) ? length : place) {
                        Issue.record("octet \(byte) at \(place) of \(length): \(String(describing: found))")
                    }
                }
            }
        }
    }

    private static func isIn(_ set: String) -> (UInt8) -> Bool {
        { set.utf8.contains($0) || CharacterClass.isLetter($0) || CharacterClass.isDigit($0) }
    }

    @Test("Field text is everything but control characters")
    func fieldText() {
        check(filler: 0x61, { ByteScanner.endOfFieldText($0, from: $1, to: $2) }) {
            $0 == 9 || $0 >= 0x20 && $0 != 0x7F
        }
        check(filler: 9, { ByteScanner.endOfFieldText($0, from: $1, to: $2) }) { $0 == 9 || $0 >= 0x20 && $0 != 0x7F }
    }

    @Test("Tokens hold what RFC 9110 5.6.2 lists")
    func tokens() {
        let scan: Scan = { ByteScanner.endOfToken($0, from: $1, to: $2) }
        check(filler: 0x61, scan, allowed: Self.isIn("!#$%&'*+-.^_`|~"))
        check(filler: 0x21, scan, allowed: Self.isIn("!#$%&'*+-.^_`|~"))
    }

    @Test("Registered names hold what RFC 3986 3.2.2 lists, but the comma")
    func registeredNames() {
        let scan: Scan = { ByteScanner.endOfRegisteredName($0, from: $1, to: $2) }
        check(filler: 0x61, scan, allowed: Self.isIn("-._~!$&'()*+;="))
        check(filler: 0x7E, scan, allowed: Self.isIn("-._~!$&'()*+;="))
    }

    @Test("Paths hold every visible ASCII character but # and ?")
    func paths() {
        let scan: Scan = { ByteScanner.endOfPath($0, from: $1, to: $2) }
        let allowed = { (byte: UInt8) in (0x21...0x7E).contains(byte) && !"#?".utf8.contains(byte) }
        check(filler: 0x61, scan, allowed: allowed)
        check(filler: 0x7E, scan, allowed: allowed)
    }

    @Test("Queries hold every visible ASCII character but #")
    func queries() {
        let scan: Scan = { ByteScanner.endOfQuery($0, from: $1, to: $2) }
        check(filler: 0x61, scan) { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}
