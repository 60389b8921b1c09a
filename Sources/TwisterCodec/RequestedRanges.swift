/// The bytes of a representation that a Range field requests (RFC 9110 14.1.2 and 14.2).
package enum RequestedRanges: Equatable, Sendable {
    /// The field is ignored: it is malformed, has another unit than bytes, or requests too many ranges.
    case whole
    /// At least one range. No range is empty, none touches another, and all are within the representation. They are in the
    /// order in which they were requested.
    case parts([Range<Int>])
    /// None of the requested bytes exist: 416.
    case unsatisfiable

    /// A field with more ranges is treated as an attack and ignored (RFC 9110 14.2).
    package static var most: Int { 16 }

    /// - Parameters:
    ///   - field: the field's value.
    ///   - size: the representation's length in bytes.
    package init(_ field: UnsafeRawBufferPointer, size: Int) {
        guard size >= 0, let equals = field.firstIndex(of: ASCII.equals),
            TokenList.equals(UnsafeRawBufferPointer(rebasing: field[..<equals]), "bytes")
        else {
            self = .whole
            return
        }
        var list = TokenList(UnsafeRawBufferPointer(rebasing: field[(equals + 1)...]))
        var parts: [Range<Int>] = []
        var count = 0
        while let element = list.next() {
            count += 1
            guard count <= Self.most, let specified = Specified(element) else {
                self = .whole
                return
            }
            switch specified {
            case .from(let first, through: let last):
                if first < size { Self.add(first..<(min(last, size - 1) + 1), to: &parts) }
            case .last(let length) where size == 0 && length > 0:
                // The RFC calls it satisfiable, but Content-Range cannot express an empty range.
                self = .whole
                return
            case .last(let length):
                if length > 0 { Self.add((size - min(length, size))..<size, to: &parts) }
            }
        }
        if count == 0 { self = .whole } else { self = parts.isEmpty ? .unsatisfiable : .parts(parts) }
    }

    /// Adds a range. Ranges that it overlaps or touches are joined with it at the place of the first of them, so that
    /// together they are never longer than the representation.
    private static func add(_ range: Range<Int>, to parts: inout [Range<Int>]) {
        var range = range
        var place = parts.count
        while let index = parts.firstIndex(where: {
            $0.lowerBound <= range.upperBound && range.lowerBound <= $0.upperBound
        }) {
            let other = parts.remove(at: index)
            range = min(range.lowerBound, other.lowerBound)..<max(range.upperBound, other.upperBound)
            place = min(place, index)
        }
        parts.insert(range, at: min(place, parts.count))
    }

    /// The value of Content-Range for a part (RFC 9110 14.4).
    ///
    /// Tornado: `httputil._get_content_range`.
    package static func contentRange(_ part: Range<Int>, of size: Int) -> String {
        "bytes \(part.lowerBound)-\(max(part.upperBound, 1) - 1)/\(size)"
    }

    /// One element of the field.
    private enum Specified {
        case from(Int, through: Int)
        case last(Int)

        /// Returns nil where the element is malformed, which makes the whole field malformed.
        init?(_ element: UnsafeRawBufferPointer) {
            guard let hyphen = element.firstIndex(of: ASCII.hyphen) else { return nil }
            let before = UnsafeRawBufferPointer(rebasing: element[..<hyphen])
            let behind = UnsafeRawBufferPointer(rebasing: element[(hyphen + 1)...])
            if before.isEmpty {
                guard let length = Self.number(behind) else { return nil }
                self = .last(length)
                return
            }
            guard let first = Self.number(before) else { return nil }
            guard !behind.isEmpty else {
                self = .from(first, through: .max)
                return
            }
            guard let last = Self.number(behind), first <= last else { return nil }
            self = .from(first, through: last)
        }

        /// A number in digits. A number too large for an `Int` is beyond every end.
        private static func number(_ digits: UnsafeRawBufferPointer) -> Int? {
            guard !digits.isEmpty, digits.allSatisfy(CharacterClass.isDigit) else { return nil }
            return DecimalNumber.parse(digits) ?? .max
        }
    }
}
