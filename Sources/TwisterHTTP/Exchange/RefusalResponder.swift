/// A delegate that writes the response itself when the server refuses its request: because the head or the body is too long or
/// too slow, or cannot be read. For any other delegate, the server responds with its own error page.
package protocol RefusalResponder: HTTPMessageDelegate {
    /// The server refuses the request and reads no more of it.
    ///
    /// - Returns: the delegate that responds in place of this one, and is told of the exchange's end for it; nil: the server
    ///   responds. A delegate that runs already is not replaced: it gets the error when it reads the body.
    func refused(_ refusal: RequestRefusal) -> (any HTTPMessageDelegate)?
}

extension HTTPConnection {
    /// Finds the delegate that responds to a refusal; nil: the caller has to respond with `refuse`. No more of the request's
    /// body comes.
    ///
    /// - Parameter isRunning: whether the delegate runs, so that it can learn of the refusal by its body alone.
    package func responder(
        to refusal: RequestRefusal, of delegate: (any HTTPMessageDelegate)?, isRunning: Bool
    ) -> (any HTTPMessageDelegate)? {
        // A server that is short of memory cannot wait until a handler reads.
        let learnsInTime = !isRunning || isBodyStreamed && refusal.status < 500
        guard !isHeadSent, learnsInTime, let delegate = delegate as? any RefusalResponder,
            let responder = delegate.refused(refusal)
        else { return nil }
        requestBody.refuse(refusal.status)
        return responder
    }
}
