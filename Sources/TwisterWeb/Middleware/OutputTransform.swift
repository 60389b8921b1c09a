/// Changes the bodies of responses on their way to the client: compresses them, or replaces something in them.
///
/// One is made for each response. The calls come on the loop's thread, each time that gathered bytes are about to be sent.
///
/// Tornado: `web.OutputTransform`.
public protocol OutputTransform: AnyObject {
    /// Transforms the first bytes of the body. The head is about to be sent, so the status and header fields may still be
    /// changed. Where `finishing` is true, `chunk` is the whole body, and `Content-Length` is set afterwards. Otherwise, a
    /// `Content-Length` that the handler has declared has to be removed if the length changes.
    ///
    /// Tornado: `transform_first_chunk`.
    func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8]

    /// Transforms more bytes of the body, which are about to be sent. Tornado: `transform_chunk`.
    func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8]
}
