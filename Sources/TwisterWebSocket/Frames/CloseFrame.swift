import TwisterCodec

/// The payload of a close frame (RFC 6455, 5.5.1): nothing, or a code and a reason.
struct CloseFrame: Equatable {
    var code: WebSocketCloseCode?
    var reason = ""

    /// The most bytes of a reason.
    static let mostReasonBytes = 123

    init(code: WebSocketCloseCode? = nil, reason: String = "") {
        self.code = code
        self.reason = reason
    }

    /// Reads a payload. A violation is a malformed payload, or a reason that is not UTF-8.
    static func parse(_ payload: UnsafeRawBufferPointer) -> Result<CloseFrame, ProtocolViolation> {
        if payload.isEmpty { return .success(CloseFrame()) }
        guard payload.count >= 2 else { return .failure(.closePayload) }
        let number = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let code = WebSocketCloseCode(rawValue: number)
        guard code.mayBeSent else { return .failure(.closePayload) }
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard let text = ClientText.validated(reason) else { return .failure(.invalidText) }
        return .success(CloseFrame(code: code, reason: text))
    }

    /// The payload. A reason that is too long is cut after a whole character.
    var payload: [UInt8] {
        guard let code else { return [] }
        var bytes = [UInt8(truncatingIfNeeded: code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)]
        for character in reason.unicodeScalars {
            let encoded = Array(String(character).utf8)
            guard bytes.count - 2 + encoded.count <= Self.mostReasonBytes else { break }
            bytes += encoded
        }
        return bytes
    }
}
