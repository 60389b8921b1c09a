/// Compiles a pattern's tree to the program of a `RouteAutomaton`.
struct RouteAutomatonCompiler {
    typealias Problem = PatternParser.Problem

    /// Most steps for each byte of a path. Counted repetitions are unrolled, so that a short pattern could make a long program.
    static let largestStepsPerByte = 2_000

    private(set) var program: [RouteInstruction] = []
    private(set) var levelCount = 0
    /// Nodes compiled so far, each as often as it is repeated. A node without instructions counts, too: nothing, repeated
    /// often enough, would keep the compiler busy for ever.
    private var visits = 0

    static func compile(_ root: PatternNode) throws(Problem) -> RouteAutomatonCompiler {
        var compiler = RouteAutomatonCompiler()
        try compiler.emit(root, level: 0)
        compiler.program.append(.match)
        try compiler.checkSize()
        return compiler
    }

    private func checkSize() throws(Problem) {
        let limit = Self.largestStepsPerByte
        guard program.count * (levelCount + 1) <= limit, visits <= 4 * limit else {
            throw Problem("it repeats too much: it takes more than \(limit) steps for each byte of a path")
        }
    }

    /// - Parameter level: how many repetitions that may be empty are around the node.
    private mutating func emit(_ node: PatternNode, level: Int) throws(Problem) {
        visits += 1
        try checkSize()
        switch node {
        case .bytes(let set): program.append(.bytes(set))
        case .sequence(let nodes): for node in nodes { try emit(node, level: level) }
        case .choice(let nodes): try emitChoice(nodes, level: level)
        case .group(let number, let content):
            program.append(.save(slot: 2 * number))
            try emit(content, level: level)
            program.append(.save(slot: 2 * number + 1))
        case .repetition(let content, let repetition): try emit(content, repetition, level: level)
        case .assertion(let assertion): program.append(.assert(assertion))
        }
    }

    private mutating func emitChoice(_ nodes: [PatternNode], level: Int) throws(Problem) {
        var exits: [Int] = []
        for node in nodes.dropLast() {
            let split = reserve()
            try emit(node, level: level)
            exits.append(reserve())
            program[split] = .split(split + 1, program.count)
        }
        if let last = nodes.last { try emit(last, level: level) }
        for exit in exits { program[exit] = .jump(program.count) }
    }

    private mutating func emit(
        _ content: PatternNode, _ repetition: PatternNode.Repetition, level: Int
    ) throws(Problem) {
        if repetition.maximum == nil, repetition.minimum > 0, !content.matchesEmpty {
            // The last repetition that is required loops by itself, without a copy for the further ones: copies within
            // copies, as in "((a+)+)+", would double the program with each level.
            for _ in 1..<repetition.minimum { try emit(content, level: level) }
            let start = program.count
            try emit(content, level: level)
            program.append(Self.split(into: start, past: program.count + 1, repetition.isLazy))
            return
        }
        for _ in 0..<repetition.minimum { try emit(content, level: level) }
        if let maximum = repetition.maximum {
            try emitOptional(content, upTo: maximum - repetition.minimum, repetition.isLazy, level: level)
        } else {
            try emitLoop(content, repetition.isLazy, level: level)
        }
    }

    private mutating func emitOptional(
        _ content: PatternNode, upTo count: Int, _ isLazy: Bool, level: Int
    ) throws(Problem) {
        var splits: [Int] = []
        var ends: [Int] = []
        for _ in 0..<count {
            splits.append(reserve())
            if let end = try emitRepetition(of: content, level: level) { ends.append(end) }
        }
        for split in splits { program[split] = Self.split(into: split + 1, past: program.count, isLazy) }
        for end in ends { program[end] = .endRepetition(level: level, ifEmpty: program.count) }
    }

    private mutating func emitLoop(_ content: PatternNode, _ isLazy: Bool, level: Int) throws(Problem) {
        let split = reserve()
        let end = try emitRepetition(of: content, level: level)
        program.append(.jump(split))
        program[split] = Self.split(into: split + 1, past: program.count, isLazy)
        if let end { program[end] = .endRepetition(level: level, ifEmpty: program.count) }
    }

    /// Returns the place of an instruction that has to be replaced by `endRepetition`, if the content may be empty.
    private mutating func emitRepetition(of content: PatternNode, level: Int) throws(Problem) -> Int? {
        guard content.matchesEmpty else {
            try emit(content, level: level)
            return nil
        }
        levelCount = max(levelCount, level + 1)
        program.append(.beginRepetition(level: level))
        try emit(content, level: level + 1)
        return reserve()
    }

    private static func split(into inside: Int, past outside: Int, _ isLazy: Bool) -> RouteInstruction {
        isLazy ? .split(outside, inside) : .split(inside, outside)
    }

    /// Appends an instruction that is replaced later, and returns its place.
    private mutating func reserve() -> Int {
        program.append(.match)
        return program.count - 1
    }
}
