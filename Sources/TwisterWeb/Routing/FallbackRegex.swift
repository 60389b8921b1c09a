import _StringProcessing

/// A pattern that the trie cannot match, matched by Swift's `Regex`.
///
/// `Regex` is not `Sendable`, because it may carry custom parsers and transforms. One that is made from text carries
/// neither, and matching changes nothing in it but the lowered program, which it publishes atomically; the first match
/// in `init` has that done before a second thread can see the value. Hence `@unchecked`.
struct FallbackRegex: @unchecked Sendable {
    private let regex: Regex<AnyRegexOutput>
    /// Bytes with which every match begins: most requests then need neither the regex nor its String.
    let literalPrefix: [UInt8]

    init(_ pattern: String, literalPrefix: [UInt8], ignoresCase: Bool) throws(URLPatternError) {
        do {
            // A byte is a character here: paths are ASCII, and "\d" must not accept what an integer parser does not.
            regex = try Regex(pattern)
                .matchingSemantics(.unicodeScalar)
                .asciiOnlyCharacterClasses()
                .ignoresCase(ignoresCase)
        } catch {
            throw URLPatternError(pattern: pattern, reason: "\(error)")
        }
        self.literalPrefix = literalPrefix
        _ = try? regex.wholeMatch(in: "/")
    }

    /// Whether the path may match at all.
    func mayMatch(_ path: UnsafeRawBufferPointer) -> Bool {
        path.count >= literalPrefix.count && path.prefix(literalPrefix.count).elementsEqual(literalPrefix)
    }

    /// The groups of a match of the whole subject, or nil.
    func match(_ subject: RegexSubject) -> RouteCaptures? {
        guard let match = try? regex.wholeMatch(in: subject.text) else { return nil }
        let output = match.output
        var captures = RouteCaptures(count: max(0, output.count - 1))
        for group in 0..<captures.count {
            captures[group] = output[group + 1].range.map(subject.offsets(of:))
        }
        return captures
    }
}

/// The String that regexes search, made once for a request and only if a regex has to be tried.
struct RegexSubject {
    let text: String
    private let isASCII: Bool

    /// One scalar for each byte (Latin-1), so that a group's offsets are those of the bytes whatever the bytes are.
    init(_ path: UnsafeRawBufferPointer) {
        isASCII = path.allSatisfy { $0 < 0x80 }
        if isASCII {
            text = String(decoding: path, as: UTF8.self)
        } else {
            var scalars = String.UnicodeScalarView()
            for byte in path { scalars.append(Unicode.Scalar(byte)) }
            text = String(scalars)
        }
    }

    func offsets(of range: Range<String.Index>) -> Range<Int> {
        if isASCII {
            let start = text.utf8.distance(from: text.startIndex, to: range.lowerBound)
            return start..<start + text.utf8.distance(from: range.lowerBound, to: range.upperBound)
        }
        let scalars = text.unicodeScalars
        let start = scalars.distance(from: text.startIndex, to: range.lowerBound)
        return start..<start + scalars.distance(from: range.lowerBound, to: range.upperBound)
    }
}
