/// The part of a body that has been read so far.
public struct UploadProgress: Sendable, Hashable {
    /// The bytes that were read, with the headers of the parts.
    public internal(set) var received: Int
    /// The bytes of the whole body; nil where the client did not say.
    public let total: Int?

    /// The part of the body that was read, from 0 to 1; nil where its length is not known.
    public var fraction: Double? {
        total.map { $0 > 0 ? min(Double(received) / Double($0), 1) : 1 }
    }
}
