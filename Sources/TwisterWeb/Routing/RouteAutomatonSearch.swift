/// One search of a path by a `RouteAutomaton`.
///
/// It keeps a list of threads, which are the partial matches in order of preference, each at a `bytes` instruction. With
/// each byte of the path, the threads that accept it are followed to the next `bytes` instructions. Where two threads arrive
/// at the same place in the same state, the second one could only do what the first one does, and ends.
///
/// Besides the place, the state has the outermost repetition that has begun at this position and so has read nothing yet
/// (`level`). The repetitions within it have not, either, and those around it have; one number is therefore enough. A
/// thread that reads a byte leaves that state, so that threads in the list have none.
struct RouteAutomatonSearch {
    /// Threads at one position, in order of preference.
    private struct Threads {
        var places: [Int] = []
        /// The slots of one thread after the other.
        var slots: [Int32] = []

        mutating func removeAll() {
            places.removeAll(keepingCapacity: true)
            slots.removeAll(keepingCapacity: true)
        }
    }

    /// The work that remains at the current position.
    private enum Task {
        case follow(place: Int, level: Int)
        /// Undoes a `save`, once everything behind it has been followed.
        case restore(slot: Int, value: Int32)
    }

    private let program: UnsafeBufferPointer<RouteInstruction>
    private let path: UnsafeRawBufferPointer
    private let groupCount: Int
    /// The level that stands for: each repetition has read something.
    private let noLevel: Int
    /// Steps so far: instructions that were followed.
    private(set) var steps = 0

    private var current = Threads()
    private var next = Threads()
    private var tasks: [Task] = []
    /// The slots of the thread that is followed.
    private var slots: [Int32]
    /// For each place and level, 1 + the last position at which it was reached.
    private var reached: [Int32]

    init(
        _ program: UnsafeBufferPointer<RouteInstruction>, groupCount: Int, levelCount: Int,
        path: UnsafeRawBufferPointer
    ) {
        self.program = program
        self.path = path
        self.groupCount = groupCount
        noLevel = levelCount
        slots = Array(repeating: -1, count: 2 * groupCount)
        reached = Array(repeating: 0, count: program.count * (levelCount + 1))
    }

    mutating func run() -> RouteCaptures? {
        if follow(from: 0, at: 0) { return captures() }
        for position in path.indices {
            swap(&current, &next)
            next.removeAll()
            guard !current.places.isEmpty else { return nil }
            for (index, place) in current.places.enumerated() {
                guard case .bytes(let set) = program[place], set.contains(path[position]) else { continue }
                for slot in slots.indices { slots[slot] = current.slots[index * slots.count + slot] }
                if follow(from: place + 1, at: position + 1) { return captures() }
            }
        }
        return nil
    }

    /// Follows a thread to the `bytes` instructions that come next. True if it has matched the whole path; `slots` are then
    /// those of the match, and it is the preferred one, because threads are followed in order of preference.
    private mutating func follow(from place: Int, at position: Int) -> Bool {
        tasks.append(.follow(place: place, level: noLevel))
        while let task = tasks.popLast() {
            switch task {
            case .restore(let slot, let value): slots[slot] = value
            case .follow(let place, let level):
                let state = place * (noLevel + 1) + level
                guard reached[state] != Int32(position) + 1 else { continue }
                reached[state] = Int32(position) + 1
                steps += 1
                if step(place, level, at: position) { return true }
            }
        }
        return false
    }

    @inline(__always)
    private mutating func step(_ place: Int, _ level: Int, at position: Int) -> Bool {
        switch program[place] {
        case .bytes:
            // Reading a byte ends the state of every level, so that one thread stands for the place in all of them.
            let state = place * (noLevel + 1) + noLevel
            guard level == noLevel || reached[state] != Int32(position) + 1 else { return false }
            reached[state] = Int32(position) + 1
            next.places.append(place)
            next.slots.append(contentsOf: slots)
        case .split(let preferred, let other):
            tasks.append(.follow(place: other, level: level))
            tasks.append(.follow(place: preferred, level: level))
        case .jump(let target):
            tasks.append(.follow(place: target, level: level))
        case .save(let slot):
            tasks.append(.restore(slot: slot, value: slots[slot]))
            slots[slot] = Int32(position)
            tasks.append(.follow(place: place + 1, level: level))
        case .assert(let assertion):
            if holds(assertion, at: position) { tasks.append(.follow(place: place + 1, level: level)) }
        case .beginRepetition(let own):
            tasks.append(.follow(place: place + 1, level: min(level, own)))
        case .endRepetition(let own, let ifEmpty):
            // What has begun at this position and is not around this repetition ends with it.
            let outer = level < own ? level : noLevel
            tasks.append(.follow(place: level <= own ? ifEmpty : place + 1, level: outer))
        case .match:
            return position == path.count
        }
        return false
    }

    private func holds(_ assertion: PatternNode.Assertion, at position: Int) -> Bool {
        switch assertion {
        case .start: position == 0
        case .end: position == path.count
        case .wordBoundary: isWord(position - 1) != isWord(position)
        case .noWordBoundary: isWord(position - 1) == isWord(position)
        }
    }

    private func isWord(_ index: Int) -> Bool { path.indices.contains(index) && ByteSet.word.contains(path[index]) }

    private func captures() -> RouteCaptures {
        var captures = RouteCaptures(count: groupCount)
        for group in 0..<groupCount where slots[2 * group + 1] >= slots[2 * group] && slots[2 * group] >= 0 {
            captures[group] = Int(slots[2 * group])..<Int(slots[2 * group + 1])
        }
        return captures
    }
}
