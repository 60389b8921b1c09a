/// Changes a response on its way from the handler to the transport: its head, until that is sent, and the gathered bytes of
/// its body, each time that some are about to be sent. Few responses have one, and the others pay one comparison.
package protocol ResponseFilter: AnyObject {
    /// The handler has finished a response of which nothing is sent. Where this returns true, the response waits until the filter
    /// calls `reopenHeldResponse` and then `finish`, which it has to do before the handler's task ends.
    func holdsResponse(_ connection: HTTPConnection) -> Bool

    /// The head is about to be sent.
    func responseBegins(_ connection: HTTPConnection, _ body: ResponseBodyPart)

    /// More of the body is about to be sent.
    func responseContinues(_ connection: HTTPConnection, isComplete: Bool)

    /// The server has begun to shut down.
    func shutdownBegan()
}

/// How much of a response's body is there when its head is about to be sent.
package enum ResponseBodyPart {
    /// All of it is gathered.
    case whole
    /// A part is gathered, and more may follow.
    case begun
    /// It comes from a file, which the filter does not see.
    case file
}
