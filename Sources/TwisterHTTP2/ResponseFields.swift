import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP

/// Makes the fields of responses as nghttp2 wants them. They refer to memory that is valid until the next call; nghttp2
/// copies it, and turns names to lower case.
final class ResponseFields {
    private let context: ServerContext
    private let server: [UInt8]?
    // Unchecked for the same reason as the state of `HTTP2ServerConnection`.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var fields: ContiguousArray<nghttp2_nv> = []
    /// Room for the status, and behind it for Content-Length.
    private let digits: UnsafeMutableRawPointer

    private static let statusRoom = 8
    private static let lengthRoom = 24

    init(_ context: ServerContext) {
        self.context = context
        server = context.configuration.serverName.map { Array($0.utf8) }
        digits = .allocate(byteCount: Self.statusRoom + Self.lengthRoom, alignment: 8)
    }

    deinit { digits.deallocate() }

    /// Calls `body` with the fields of a final response.
    ///
    /// - Parameter length: the value of Content-Length; nil: none is sent.
    func withFields(
        _ head: ResponseHead, length: Int?, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> CInt
    ) -> CInt {
        fields.removeAll(keepingCapacity: true)
        addStatus(head)
        if let server, !head.hasServer { server.withUnsafeBytes { add("server", $0) } }
        if !head.hasDate { add("date", context.date.value(at: context.unixSeconds)) }
        addFields(of: head)
        // Not allowed in a 204 (RFC 9110, 8.6).
        if let length, head.status != 204 {
            let start = digits + Self.statusRoom
            let count = DecimalNumber.write(max(length, 0), to: start)
            add("content-length", UnsafeRawBufferPointer(start: start, count: count))
        }
        return withAll(body)
    }

    /// Calls `body` with the fields of a 1xx response.
    func withInformationalFields(
        _ head: ResponseHead, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> CInt
    ) -> CInt {
        fields.removeAll(keepingCapacity: true)
        addStatus(head)
        addFields(of: head)
        return withAll(body)
    }

    /// Calls `body` with the fields that follow a response's body.
    static func withTrailers(
        _ trailers: ResponseTrailers, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> CInt
    ) -> CInt {
        // One piece of memory, which does not move any more once the fields refer to it.
        var text: [UInt8] = []
        for (name, value) in trailers.fields {
            text += name.utf8
            text += value.utf8
        }
        return text.withUnsafeBytes { text in
            var start = 0
            let fields = trailers.fields.map { name, value in
                let middle = start + name.utf8.count
                let end = middle + value.utf8.count
                defer { start = end }
                return field(
                    UnsafeRawBufferPointer(rebasing: text[start..<middle]),
                    UnsafeRawBufferPointer(rebasing: text[middle..<end]))
            }
            return fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }

    private func withAll(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> CInt) -> CInt {
        fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }

    private func addStatus(_ head: ResponseHead) {
        // A status has three digits.
        add(":status", UnsafeRawBufferPointer(start: digits, count: DecimalNumber.write(head.status, to: digits)))
    }

    private func addFields(of head: ResponseHead) {
        head.forEachField { name, value in
            if !Self.isOfConnection(name) { fields.append(Self.field(name, value)) }
        }
    }

    private func add(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        let name = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        fields.append(Self.field(name, value))
    }

    private static func field(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> nghttp2_nv {
        let value = trimmed(value)
        return nghttp2_nv(
            name: UnsafeMutableRawPointer(mutating: name.baseAddress)?.assumingMemoryBound(to: UInt8.self),
            value: UnsafeMutableRawPointer(mutating: value.baseAddress)?.assumingMemoryBound(to: UInt8.self),
            namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }

    /// The value without white space around it, which HTTP/1.1 allows and HTTP/2 does not (RFC 9113, 8.2.1).
    private static func trimmed(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var range = value.indices
        while let first = range.first, isWhiteSpace(value[first]) { range = range.dropFirst() }
        while let last = range.last, isWhiteSpace(value[last]) { range = range.dropLast() }
        return UnsafeRawBufferPointer(rebasing: value[range])
    }

    private static func isWhiteSpace(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }

    /// Whether the field belongs to a connection of HTTP/1.1: HTTP/2 has none of these (RFC 9113, 8.2.2).
    private static func isOfConnection(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 7: name.equalsIgnoringCase("upgrade")
        case 10: name.equalsIgnoringCase("connection") || name.equalsIgnoringCase("keep-alive")
        case 16: name.equalsIgnoringCase("proxy-connection")
        case 17: name.equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }
}
