/// Something with async work that is ready: a connection with a request to answer.
///
/// What comes before and after the async part stands in functions of its own, since each async frame on the way costs a
/// look at the executor when it is returned to.
@usableFromInline
package protocol LoopWork: AnyObject {
    /// The async part; nil where there is none any more. `worker` is for `IOLoop.cancelWorker`, until `didRun`.
    func willRun(on worker: Int) -> (any LoopJob)?
    /// The async part has ended. Whether there is more, which is then run soon without being scheduled.
    func didRun() -> Bool
}

/// Async work that a loop runs.
public protocol LoopJob: AnyObject {
    /// Does the work, on the loop's thread.
    func execute() async throws
    /// Deals with what `execute` threw.
    func executionFailed(_ error: any Error) async
}
