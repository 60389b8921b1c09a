/// Where a match's groups lie in the path: byte ranges, the first two of them without an allocation.
package struct RouteCaptures: Sendable, Equatable {
    private static let inlineCount = 2
    private static let absent = SIMD2<Int32>(repeating: -1)

    package let count: Int
    /// Start and end of one group after the other.
    private var inline = SIMD4<Int32>(repeating: -1)
    /// Groups beyond the inline ones.
    private var overflow: [SIMD2<Int32>]?

    init(count: Int) {
        self.count = count
        overflow = count > Self.inlineCount ? Array(repeating: Self.absent, count: count - Self.inlineCount) : nil
    }

    /// Group number `group`, from 0; nil if it took no part in the match.
    package subscript(group: Int) -> Range<Int>? {
        get {
            precondition(group >= 0 && group < count, "no such group")
            let bounds =
                group < Self.inlineCount
                ? SIMD2(inline[2 * group], inline[2 * group + 1])
                : overflow?[group - Self.inlineCount] ?? Self.absent
            return bounds.x < 0 ? nil : Int(bounds.x)..<Int(bounds.y)
        }
        set {
            precondition(group >= 0 && group < count, "no such group")
            let bounds = newValue.map { SIMD2(Int32($0.lowerBound), Int32($0.upperBound)) } ?? Self.absent
            if group < Self.inlineCount {
                inline[2 * group] = bounds.x
                inline[2 * group + 1] = bounds.y
            } else {
                overflow?[group - Self.inlineCount] = bounds
            }
        }
    }

    package static func == (left: RouteCaptures, right: RouteCaptures) -> Bool {
        left.count == right.count && (0..<left.count).allSatisfy { left[$0] == right[$0] }
    }
}
