extension String {
    /// Calls `body` with the text's UTF-8 octets: without a copy for every string that Swift made itself.
    @inlinable
    @inline(__always)
    package func withOctets<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) { return result }
        var native = self
        return native.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
