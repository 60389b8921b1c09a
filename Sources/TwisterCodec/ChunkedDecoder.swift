package import HTTPTypes

/// The result of one step of a `ChunkedDecoder`.
package enum ChunkStep: Equatable, Sendable {
    /// These octets of the buffer are a piece of the body. The caller continues behind `consumed`.
    case data(Range<Int>, consumed: Int)
    /// All octets were read, and the body continues.
    case needMore(consumed: Int)
    /// The body ended at `consumed`. The next request follows.
    case end(consumed: Int)
    /// The body is refused. Nothing that follows on the connection may be read.
    case invalid(ParseError)
}

/// How much a peer may send around the data of a chunked body.
package struct ChunkLimits: Sendable, Equatable {
    /// Octets of chunk extensions in one line, and in the whole body.
    package var extensionLine = 256
    package var extensions = 16 * 1024
    /// Octets and lines of the trailer section.
    package var trailers = 8 * 1024
    package var trailerCount = 100

    package init() {}
}

/// Decodes the chunks of a body (RFC 9112 7.1) strictly, wherever the octets were cut. Data is not copied but returned as a
/// range of the buffer. Chunk extensions are checked and ignored.
package struct ChunkedDecoder: Sendable {
    private enum Phase: UInt8 {
        case size, extensions, sizeLineFeed, data, dataCarriageReturn, dataLineFeed, trailers, done
    }

    private let limits: ChunkLimits
    private var phase = Phase.size
    private var digits: UInt8 = 0
    private var extensionSyntax = ChunkExtensionSyntax()
    private var lineExtensions = 0
    private var allExtensions = 0
    private var remaining = 0
    private var trailerSection: TrailerSection

    package init(limits: ChunkLimits = ChunkLimits()) {
        self.limits = limits
        trailerSection = TrailerSection(limits: limits)
    }

    /// The trailer fields without those that are not allowed as such (RFC 9110 6.5.1). They are complete after `end`.
    package var trailers: HTTPFields { trailerSection.fields }

    /// Continues to read. Returns at the first piece of data, at the end of the body, or when all octets are read.
    package mutating func next(_ bytes: UnsafeRawBufferPointer) -> ChunkStep {
        do throws(ParseError) {
            return try step(bytes)
        } catch {
            return .invalid(error)
        }
    }

    private mutating func step(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> ChunkStep {
        var index = 0
        while index < bytes.count {
            switch phase {
            case .size: try readSize(bytes[index])
            case .extensions: try readExtension(bytes[index])
            case .sizeLineFeed:
                guard bytes[index] == ASCII.lineFeed else { throw .bareCarriageReturn }
                phase = remaining == 0 ? .trailers : .data
            case .data:
                let count = min(remaining, bytes.count - index)
                remaining -= count
                if remaining == 0 { phase = .dataCarriageReturn }
                return .data(index..<(index + count), consumed: index + count)
            case .dataCarriageReturn:
                guard bytes[index] == ASCII.carriageReturn else { throw .malformedChunkEnd }
                phase = .dataLineFeed
            case .dataLineFeed:
                guard bytes[index] == ASCII.lineFeed else { throw .malformedChunkEnd }
                startSize()
            case .trailers:
                index = try trailerSection.read(bytes, from: index)
                guard trailerSection.isComplete else { return .needMore(consumed: index) }
                phase = .done
                return .end(consumed: index)
            case .done: return .end(consumed: index)
            }
            index += 1
        }
        return phase == .done ? .end(consumed: index) : .needMore(consumed: index)
    }

    private mutating func startSize() {
        phase = .size
        digits = 0
        lineExtensions = 0
        extensionSyntax = ChunkExtensionSyntax()
    }

    /// Reads 1*HEXDIG: at most sixteen digits, of which leading zeros count, too.
    private mutating func readSize(_ byte: UInt8) throws(ParseError) {
        if let value = CharacterClass.hexValue(byte) {
            guard digits < 16, remaining <= Int.max >> 4 else { throw .chunkSizeTooLarge }
            digits += 1
            remaining = remaining << 4 | Int(value)
            return
        }
        guard digits > 0 else { throw .malformedChunkSize }
        switch byte {
        case ASCII.carriageReturn: phase = .sizeLineFeed
        case ASCII.semicolon, ASCII.space, ASCII.horizontalTab:
            phase = .extensions
            try readExtension(byte)
        case ASCII.lineFeed: throw .bareLineFeed
        default: throw .malformedChunkSize
        }
    }

    private mutating func readExtension(_ byte: UInt8) throws(ParseError) {
        if byte == ASCII.carriageReturn {
            guard extensionSyntax.mayEnd else { throw .malformedChunkExtension }
            phase = .sizeLineFeed
            return
        }
        lineExtensions += 1
        allExtensions += 1
        guard lineExtensions <= limits.extensionLine, allExtensions <= limits.extensions else {
            throw .chunkExtensionsTooLarge
        }
        guard extensionSyntax.accepts(byte) else {
            throw byte == ASCII.lineFeed ? .bareLineFeed : .malformedChunkExtension
        }
    }
}
