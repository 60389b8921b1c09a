import HTTPTypes
import Logging
import TwisterHTTP

/// Changes of a response that come too late. They have no effect, as in Tornado, and an error would end handlers that have
/// already responded: the log tells the application's author of them.
extension RequestHandler {
    /// Logs, once a request, that a field is changed whose head is sent.
    @inline(never)
    final func noteLateChange(_ name: HTTPField.Name) { noteLateChange("the field \(name.rawName)") }

    /// Logs, once a request, that a part of the head is changed after it was sent.
    @inline(never)
    final func noteLateChange(_ part: String) {
        // The head's phase also ends where the client disconnects, which is no mistake of the handler.
        guard !connection.isClientDisconnected, !madeExtras.hasNotedLateChange else { return }
        madeExtras.hasNotedLateChange = true
        let moment = connection.isFinished ? "the response is finished" : "the response's head is sent"
        noteMistake("changes \(part) after \(moment), without effect: change it earlier, or in a closure of beforeHead")
    }

    /// Logs, once a request, that something was written after the response had ended.
    @inline(never)
    final func noteLateWrite() {
        guard isRequestReleased || !connection.isClientDisconnected, !madeExtras.hasNotedLateWrite else { return }
        madeExtras.hasNotedLateWrite = true
        noteMistake("writes after the response is finished: it is not sent")
    }

    private func noteMistake(_ mistake: String) {
        logger.log(
            level: application.settings.debug ? .warning : .notice, "\(requestSummary): \(type(of: self)) \(mistake)")
    }
}
