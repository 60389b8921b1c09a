/// Why compressed content was refused.
package enum InflateError: Error, Equatable, Sendable {
    /// It is not in the format, or its checksum is wrong.
    case malformed
    /// It ended before its end.
    case truncated
    /// More came out than the limit allows.
    case tooLong
    /// More came out of each byte than honest content yields: a bomb.
    case ratioTooHigh
    /// There was no memory for the decoder.
    case outOfMemory
}
