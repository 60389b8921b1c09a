/// Changes the bodies of responses on their way to the client: compresses them, or replaces something in them.
///
/// One is made for each response. The calls come on the loop's thread, each time that gathered bytes are about to be sent.
///
/// Tornado: `web.OutputTransform`.
public protocol OutputTransform: AnyObject {
    /// The head is about to be sent: the handler's status and header fields may still be changed. `chunk` holds the body's first
    /// bytes; where `finishing`, it is the whole body, whose length is known afterwards. Otherwise a `Content-Length` that the
    /// handler has declared has to be removed where the length changes.
    ///
    /// Tornado: `transform_first_chunk`.
    func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8]

    /// More of the body is about to be sent. Tornado: `transform_chunk`.
    func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8]
}
