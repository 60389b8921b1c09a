import TwisterCompression
import TwisterTestSupport

/// Decodes what a `ContentEncoder` made.
enum Decoder {
    /// The content that the bytes yield, and whether it is complete. Nil where the bytes are malformed.
    static func decode(_ bytes: [UInt8], _ coding: ResponseCoding) -> (content: [UInt8], isComplete: Bool)? {
        var content: [UInt8] = []
        guard let isComplete = decode(bytes, coding, { content += $0 }) else { return nil }
        return (content, isComplete)
    }

    static func decode(
        _ bytes: [UInt8], _ coding: ResponseCoding, _ body: (UnsafeRawBufferPointer) -> Void
    ) -> Bool? {
        switch coding {
        case .brotli: return decodeBrotli(bytes, body)
        case .zstandard: return decodeZstandard(bytes, body)
        case .gzip:
            guard let inflater = try? Inflater(.gzip, limit: .max, maxRatio: 0),
                bytes.withUnsafeBytes({ (try? inflater.inflate($0, body)) != nil })
            else { return nil }
            return (try? inflater.finish()) != nil
        }
    }
}

extension ContentEncoder {
    /// Encodes and returns the output.
    func encode(_ bytes: some Collection<UInt8>, _ operation: EncoderOperation = .none) throws -> [UInt8] {
        var output: [UInt8] = []
        try Array(bytes).withUnsafeBytes { try encode($0, operation) { output += $0 } }
        return output
    }
}
