extension BytePattern {
    /// Runs the pattern over bytes that come in pieces: all ways to match at once (Thompson's construction), so that no
    /// byte is looked at twice.
    struct Matcher {
        let pattern: BytePattern
        /// Where a match begins.
        private var starts: [Int] = []
        /// What a match may begin with: with none under way, everything else is skipped.
        private var first = ByteClass()
        /// Where matches under way are. These and `starts` are `byte` instructions of the program.
        private var active: [Int] = []
        private var next: [Int] = []
        /// In which round an instruction was last entered.
        private var entered: [UInt32]
        private var round: UInt32 = 0
        private var isMatched = false

        init(_ pattern: BytePattern) {
            self.pattern = pattern
            entered = Array(repeating: 0, count: pattern.program.count)
            beginRound()
            enter(0)
            swap(&starts, &next)
            for place in starts { if case .byte(let set) = pattern.program[place] { first.formUnion(set) } }
        }

        /// Whether nothing at all would be a match; before the first byte.
        var matchesEmpty: Bool { isMatched }

        /// Where the earliest match ends, looking at the bytes from `start` on; nil: not yet.
        mutating func firstEnd(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                if active.isEmpty, !first.contains(byte) { continue }
                step(byte)
                if isMatched { return index }
            }
            return nil
        }

        private mutating func step(_ byte: UInt8) {
            beginRound()
            for index in active.indices { advance(active[index], byte) }
            // A match may begin at every byte.
            for index in starts.indices { advance(starts[index], byte) }
            swap(&active, &next)
        }

        private mutating func advance(_ place: Int, _ byte: UInt8) {
            if case .byte(let set) = pattern.program[place], set.contains(byte) { enter(place + 1) }
        }

        private mutating func beginRound() {
            round &+= 1
            next.removeAll(keepingCapacity: true)
        }

        /// Follows splits and jumps from `place` to the bytes that may come next.
        private mutating func enter(_ place: Int) {
            guard entered[place] != round else { return }
            entered[place] = round
            switch pattern.program[place] {
            case .byte: next.append(place)
            case .jump(let target): enter(target)
            case .split(let one, let other):
                enter(one)
                enter(other)
            case .match: isMatched = true
            }
        }
    }
}
