/// Why a WebSocket is closed (RFC 6455, 7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt16) { rawValue = value }

    /// 1000: the purpose is fulfilled.
    public static let normal: WebSocketCloseCode = 1000
    /// 1001: the server shuts down, or the page is left.
    public static let goingAway: WebSocketCloseCode = 1001
    /// 1002: the peer has broken the protocol.
    public static let protocolError: WebSocketCloseCode = 1002
    /// 1003: the message is of a kind that the receiver does not accept, such as a binary one.
    public static let unsupportedData: WebSocketCloseCode = 1003
    /// 1007: the message does not hold what its kind says, such as text that is not UTF-8.
    public static let invalidPayload: WebSocketCloseCode = 1007
    /// 1008: the message violates a policy; also for cases for which there is no other code.
    public static let policyViolation: WebSocketCloseCode = 1008
    /// 1009: the message is too big.
    public static let messageTooBig: WebSocketCloseCode = 1009
    /// 1010: the client misses an extension that the server has not accepted.
    public static let mandatoryExtension: WebSocketCloseCode = 1010
    /// 1011: an unexpected error of the server.
    public static let internalError: WebSocketCloseCode = 1011
    /// 1012: the server restarts.
    public static let serviceRestart: WebSocketCloseCode = 1012
    /// 1013: the server has too much to do; the client may try again later.
    public static let tryAgainLater: WebSocketCloseCode = 1013

    /// Whether the code may stand in a close frame: 1000 to 1014 but for the reserved ones, and 3000 to 4999
    /// (RFC 6455, 7.4.2; IANA's registry).
    public var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    public var description: String { String(rawValue) }
}
