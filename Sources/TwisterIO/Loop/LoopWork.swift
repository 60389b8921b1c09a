/// Something with async work that is ready: a connection with a request to respond to.
///
/// The parts before and after the async one are functions of their own, since each async frame on a request's way costs a
/// look at the executor when it returns.
@usableFromInline
package protocol LoopWork: AnyObject {
    /// Called right before the async part. Returns the job; nil where there is none any more. `worker` is for
    /// `IOLoop.cancelWorker`, until `didRun`.
    func willRun(on worker: Int) -> (any LoopJob)?
    /// The async part has ended. Returns whether there is more, which is then run soon without being scheduled.
    func didRun() -> Bool
}

/// Async work that a loop runs.
public protocol LoopJob: AnyObject {
    /// Does the work, on the loop's thread.
    func execute() async throws
    /// Deals with the error that `execute` has thrown.
    func executionFailed(_ error: any Error) async
}
