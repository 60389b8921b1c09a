/// One instruction of the program of a `RouteAutomaton`. Places are indices into the program.
enum RouteInstruction: Sendable {
    /// Reads one byte of the set.
    case bytes(ByteSet)
    /// Goes on at both places; a match by way of the first one is preferred.
    case split(Int, Int)
    case jump(Int)
    /// Stores the position: of group n, in slot 2n the start and in slot 2n + 1 the end.
    case save(slot: Int)
    case assert(PatternNode.Assertion)
    /// One repetition of a node that may match empty begins. The levels number such repetitions by their nesting, from 0.
    case beginRepetition(level: Int)
    /// The repetition ends. If it has read nothing, no further one would read anything: it goes on at the place behind
    /// them all.
    case endRepetition(level: Int, ifEmpty: Int)
    case match
}
