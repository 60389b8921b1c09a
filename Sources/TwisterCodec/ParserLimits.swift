/// How much a peer may send before its message counts as too large.
package struct ParserLimits: Sendable, Equatable {
    /// Octets of the request line without its line end; more is answered with 414.
    package var requestLine: Int
    /// Octets of the request line and all field lines together, with their line ends; more is answered with 431.
    package var headerBlock: Int
    /// Field lines; more is answered with 431.
    package var fieldCount: Int
    /// Empty lines that are skipped before a request line (RFC 9112 2.2 asks for at least one).
    package var emptyLines: Int

    package init(
        requestLine: Int = 8 * 1024, headerBlock: Int = 64 * 1024, fieldCount: Int = 100, emptyLines: Int = 8
    ) {
        // Ranges are kept in 32 bits; nobody needs a header of more than 16 MiB.
        self.headerBlock = min(max(headerBlock, 64), 16 * 1024 * 1024)
        self.requestLine = min(max(requestLine, 16), self.headerBlock)
        self.fieldCount = min(max(fieldCount, 1), 65_535)
        self.emptyLines = min(max(emptyLines, 0), 64)
    }
}
