/// A delegate that responds itself to a request that the server refuses by its head or its body: one that is too long or too
/// slow, or that cannot be read. Where the delegate is none of these, the server responds with a page of its own.
package protocol RefusalResponder: HTTPMessageDelegate {
    /// The server refuses the request, of which it reads nothing more.
    ///
    /// - Returns: the delegate that responds in place of this one, and hears of the exchange's end for it; nil: the server
    ///   responds. A delegate that runs already is not replaced: it gets the error where it reads the body.
    func refused(_ refusal: RequestRefusal) -> (any HTTPMessageDelegate)?
}

extension HTTPConnection {
    /// The responder to a refusal of the request; nil: `refuse` has to respond. No more of the request's body comes.
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
