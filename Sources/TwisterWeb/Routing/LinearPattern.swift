/// A pattern without choices: one line of literals and loops, which is one way down the trie.
struct LinearPattern: Sendable {
    /// Literals and loops only.
    let elements: [PatternElement]
    /// The begin and the end of each group.
    let groups: [GroupBounds]

    /// A group's bounds, told from the ends of the loops, so that a match needs to remember nothing else: each bound is
    /// a fixed distance behind the end of loop number `anchor` (or behind the path's start, if that is -1).
    struct GroupBounds: Hashable, Sendable {
        var startAnchor: Int32 = -1
        var startOffset: Int32 = 0
        var endAnchor: Int32 = -1
        var endOffset: Int32 = 0
    }

    /// How many lines a pattern may become before the automaton is the better place for it.
    static let mostVariants = 64

    /// The lines that together match what the elements match; nil if their order would matter.
    ///
    /// A choice is split into one line for each option. That has the regex's meaning only if no path matches two of the
    /// lines: the options must differ before anything of variable length has been read (and none begin with another),
    /// or after everything of variable length has (and none end with another).
    static func variants(of elements: [PatternElement]) -> [LinearPattern]? {
        var lines: [[PatternElement]] = [[]]
        for (index, element) in elements.enumerated() {
            guard case .choice(let options) = element else {
                for line in lines.indices { lines[line].append(element) }
                continue
            }
            let decidesEarly = !elements[..<index].contains(where: \.hasVariableLength) && areFree(options, of: .prefix)
            let decidesLate = !elements[index...].contains(where: \.hasVariableLength) && areFree(options, of: .suffix)
            guard decidesEarly || decidesLate, lines.count * options.count <= mostVariants else { return nil }
            lines = lines.flatMap { line in options.map { line + [.literal($0)] } }
        }
        return lines.map(LinearPattern.init)
    }

    private enum Side { case prefix, suffix }

    /// Whether no option begins (or ends) with another.
    private static func areFree(_ options: [[UInt8]], of side: Side) -> Bool {
        for (index, option) in options.enumerated() {
            for (otherIndex, other) in options.enumerated() where otherIndex != index {
                let part = side == .prefix ? other.prefix(option.count) : other.suffix(option.count)
                if part.elementsEqual(option) { return false }
            }
        }
        return true
    }

    private init(_ elements: [PatternElement]) {
        var groups: [GroupBounds] = []
        var anchor: Int32 = -1
        var offset: Int32 = 0
        for element in elements {
            switch element {
            case .literal(let bytes):
                offset += Int32(bytes.count)
            case .loop:
                anchor += 1
                offset = 0
            case .open:
                groups.append(GroupBounds(startAnchor: anchor, startOffset: offset))
            case .close(let group):
                groups[group].endAnchor = anchor
                groups[group].endOffset = offset
            case .choice:
                break
            }
        }
        self.groups = groups
        self.elements = elements.filter { !$0.isGroupMark }
    }
}

extension PatternElement {
    fileprivate var hasVariableLength: Bool {
        if case .loop(_, let minimum, let maximum) = self { minimum != maximum } else { false }
    }
}
