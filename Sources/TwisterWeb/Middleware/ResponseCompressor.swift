import TwisterCompression
import TwisterHTTP

/// The compression of a response, for handlers whose entity tags or files depend on the coding.
protocol ResponseCompressor: AnyObject {
    /// The codings that the response may get, for tags of clients.
    var codings: [StaticString] { get }

    /// The coding that the response gets as its fields are now; nil: it is sent as it is. Sets `Vary` where that depends on the
    /// request.
    ///
    /// - Parameters:
    ///   - status: the status of the response: 200 for the one that a 304 stands for.
    ///   - length: the length of the body in bytes; nil where it is not known.
    func decide(_ connection: HTTPConnection, status: Int, length: Int?) -> ResponseCoding?

    /// Whether the finished response, of which nothing is sent yet, is held back because it is long and is compressed in several
    /// turns of the loop. The compressor finishes it then.
    func holdsResponse() -> Bool
}
