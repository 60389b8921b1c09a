/// A pattern that the trie cannot match, compiled for a matcher that follows all possible matches at once (Pike's virtual
/// machine).
///
/// It gives the match and the captures that a backtracking regex engine finds first (Python's `re.fullmatch`, Perl), in at
/// most `stepsPerByte` steps for each byte of the path, whatever the pattern and the path are. The program is immutable,
/// so that the threads of all loops may share it; each search has its own memory, whose size depends on the pattern only.
struct RouteAutomaton: Sendable {
    let program: [RouteInstruction]
    let groupCount: Int
    /// How many levels of repetitions there are.
    let levelCount: Int
    /// Bytes with which every match begins: most paths then need no search.
    private let literalPrefix: [UInt8]

    /// Throws if the program would be too long.
    init(_ root: PatternNode, groupCount: Int) throws(PatternParser.Problem) {
        let compiled = try RouteAutomatonCompiler.compile(root)
        program = compiled.program
        levelCount = compiled.levelCount
        self.groupCount = groupCount
        literalPrefix = root.literalPrefix
    }

    /// The most steps that a search takes for one byte of the path: each instruction is reached at most once for each level
    /// of repetitions that may be empty.
    var stepsPerByte: Int { program.count * (levelCount + 1) }

    /// The groups of the match of the whole path, or nil.
    func match(_ path: UnsafeRawBufferPointer) -> RouteCaptures? {
        var steps = 0
        return match(path, steps: &steps)
    }

    /// Adds the steps that were taken to `steps`.
    func match(_ path: UnsafeRawBufferPointer, steps: inout Int) -> RouteCaptures? {
        // Captures are 32 bits wide.
        guard path.count < Int32.max, path.prefix(literalPrefix.count).elementsEqual(literalPrefix) else { return nil }
        return program.withUnsafeBufferPointer { program in
            var search = RouteAutomatonSearch(program, groupCount: groupCount, levelCount: levelCount, path: path)
            defer { steps += search.steps }
            return search.run()
        }
    }
}
