import HTTPTypes
import TwisterCodec

/// The fields behind a request's body (RFC 9113, 8.1), under the limits and rules of HTTP/1.1's trailer section.
struct TrailerFields {
    private static let limits = ChunkLimits()

    private var size = 0
    private var count = 0
    private(set) var fields = HTTPFields()

    /// Adds a field, whose name and value nghttp2 has checked. Returns false where there are too many.
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        size &+= name.count &+ value.count &+ 4
        count &+= 1
        guard size <= Self.limits.trailers, count <= Self.limits.trailerCount else { return false }
        guard let fieldName = HTTPField.Name(String(decoding: name, as: UTF8.self)) else { return false }
        // Fields that should have come before the body are dropped (RFC 9110, 6.5.1).
        if TrailerRules.isAllowed(fieldName.canonicalName) {
            fields.append(HTTPField(name: fieldName, value: ClientText.repaired(value)))
        }
        return true
    }
}
