/// A pattern as a tree.
indirect enum BytePatternNode {
    case byte(ByteClass)
    case sequence([BytePatternNode])
    case alternatives([BytePatternNode])
    case repetition(BytePatternNode, least: Int, most: Int?)
}

/// One instruction of a compiled pattern. Places are indices into the program.
enum BytePatternInstruction: Sendable {
    /// Consumes one byte of the class.
    case byte(ByteClass)
    /// Goes on at both places.
    case split(Int, Int)
    case jump(Int)
    case match
}

/// Compiles a pattern's tree to a program.
struct BytePatternCompiler {
    private var program: [BytePatternInstruction] = []
    /// The most instructions. Counted repetitions are unrolled, so that a short text could make a long program.
    private static let maxCount = 4096

    static func program(
        _ node: BytePatternNode
    ) throws(BytePatternParser.Problem) -> [BytePatternInstruction] {
        var compiler = BytePatternCompiler()
        try compiler.emit(node)
        compiler.program.append(.match)
        return compiler.program
    }

    private mutating func emit(_ node: BytePatternNode) throws(BytePatternParser.Problem) {
        guard program.count < Self.maxCount else { throw BytePatternParser.Problem("it is too long") }
        switch node {
        case .byte(let set): program.append(.byte(set))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .alternatives(let nodes): try emitAlternatives(nodes)
        case .repetition(let node, let least, let most):
            for _ in 0..<least { try emit(node) }
            if let most {
                for _ in least..<most { try emitOptional(node) }
            } else {
                try emitLoop(node)
            }
        }
    }

    private mutating func emitAlternatives(_ nodes: [BytePatternNode]) throws(BytePatternParser.Problem) {
        var exits: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index < nodes.count - 1 else {
                try emit(node)
                break
            }
            let split = reserve()
            try emit(node)
            exits.append(reserve())
            program[split] = .split(split + 1, program.count)
        }
        for exit in exits { program[exit] = .jump(program.count) }
    }

    private mutating func emitOptional(_ node: BytePatternNode) throws(BytePatternParser.Problem) {
        let split = reserve()
        try emit(node)
        program[split] = .split(split + 1, program.count)
    }

    private mutating func emitLoop(_ node: BytePatternNode) throws(BytePatternParser.Problem) {
        let split = reserve()
        try emit(node)
        program.append(.jump(split))
        program[split] = .split(split + 1, program.count)
    }

    /// Appends an instruction that is replaced later, and returns its index.
    private mutating func reserve() -> Int {
        program.append(.match)
        return program.count - 1
    }
}
