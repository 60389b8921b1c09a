extension BytePattern {
    /// Runs the pattern over bytes that come in pieces. It follows all possible matches at once (Thompson's construction), so
    /// that it reads each byte once.
    struct Matcher {
        let pattern: BytePattern
        /// The instructions at which a match begins.
        private var starts: [Int] = []
        /// The bytes with which a match may begin. While there is no partial match, other bytes are skipped.
        private var first = ByteClass()
        /// The instructions that partial matches have reached. These and `starts` are `byte` instructions of the program.
        private var active: [Int] = []
        /// The instructions that partial matches reach with the current byte.
        private var next: [Int] = []
        /// For each instruction, the last round in which it was entered. A round is one byte.
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

        /// Whether the empty string would be a match. Before the first byte.
        var matchesEmpty: Bool { isMatched }

        /// Returns the end of the earliest match, reading the bytes from `start` on; nil if there is none yet.
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

        /// Follows splits and jumps from `place` to the `byte` instructions that come next.
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
