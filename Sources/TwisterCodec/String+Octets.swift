extension String {
    /// Calls `body` with the text's UTF-8 octets: without a copy for every string that Swift made itself.
    @inlinable
    @inline(__always)
    package func withOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? withCopiedOctets(body)
    }

    /// Apart, so that `body` is there but once where it is inlined.
    @usableFromInline
    @inline(never)
    func withCopiedOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var native = self
        return native.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
