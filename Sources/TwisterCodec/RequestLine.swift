/// The request line, in parts: what it says, and which octets of the head say it.
@usableFromInline
struct RequestLine {
    @usableFromInline var method = RequestMethod.other
    @usableFromInline var versionMinor: UInt8 = 1
    @usableFromInline var targetForm = RequestHead.TargetForm.origin
    @usableFromInline var hasQuery = false
    /// False where the target has characters beyond ASCII.
    @usableFromInline var isASCII = true
    @usableFromInline var methodRange = ByteRange()
    @usableFromInline var target = ByteRange()
    @usableFromInline var path = ByteRange()
    @usableFromInline var query = ByteRange()
    @usableFromInline var authority = ByteRange()
}
