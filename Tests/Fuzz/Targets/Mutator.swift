/// Changes seeds in the same way on each run, as a small replacement for libFuzzer.
package struct Mutator: RandomNumberGenerator {
    private var state: UInt64
    private static let interesting = Array("\r\n\r\n \t:;,=\"\\%?#/*@[]0159afxX-+\0\u{7f}".utf8) + [0x80, 0xFF]

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// One of the seeds with one to four changes. Some changes insert a part of another seed.
    package mutating func mutated(_ seeds: [[UInt8]]) -> [UInt8] {
        guard var octets = seeds.randomElement(using: &self) else { return [] }
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let place = Int.random(in: 0...octets.count, using: &self)
            let end = min(octets.count, place + Int.random(in: 1...16, using: &self))
            let byte = Self.interesting.randomElement(using: &self) ?? 0
            switch UInt8.random(in: 0..<7, using: &self) {
            case 0 where place < octets.count: octets[place] = byte
            case 1 where place < octets.count: octets[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2: octets.insert(byte, at: place)
            case 3: octets.removeSubrange(place..<end)
            case 4: octets.insert(contentsOf: octets[place..<end], at: place)
            case 5:
                guard let other = seeds.randomElement(using: &self) else { break }
                let start = Int.random(in: 0...other.count, using: &self)
                octets.insert(contentsOf: other[start..<min(other.count, start + 40)], at: place)
            default: octets.insert(UInt8.random(in: 0...255, using: &self), at: place)
            }
        }
        return octets
    }
}
