import Glibc
import TwisterCodec
package import TwisterIO

extension SecuredUsage {
    /// HTTP on a connection with TLS.
    package init(_ configuration: HTTPServerConfiguration) {
        self.init()
        applicationProtocols = configuration.applicationProtocols
        framesMessages = true
        responseToPlainText = Self.plainHTTPResponse
    }

    /// The response to a client that speaks HTTP without TLS on a port that has it.
    @Sendable
    private static func plainHTTPResponse() -> [UInt8] {
        let text = "This port speaks https, and the request came as plain http. Use https:// in the URL.\n"
        let head = [
            "HTTP/1.1 400 Bad Request", "Date: \(HTTPDate.string(Int64(time(nil))))",
            "Content-Type: text/plain; charset=utf-8", "Content-Length: \(text.utf8.count)", "Connection: close",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n" + text).utf8)
    }
}
