/// A connection as its server sees it, whatever protocol it speaks.
package protocol ServerConnection: AnyObject {
    /// The connection's index in the server's `ConnectionTable`, which alone changes it.
    var tableIndex: UInt32 { get set }
    /// The connection's number; connections are numbered in the order in which they were accepted.
    var number: UInt32 { get }

    /// Tells the handler of the request under way that the server has begun to shut down. An idle connection stays as it is.
    func drain()
    /// Closes the connection where no request is under way.
    func closeIfIdle()
    /// The requests that are being read or responded to.
    var requestsUnderWay: [ShutdownResult.Cut] { get }
    /// Cancels the tasks of the handlers that run for the connection.
    func cancel()
    /// Closes the connection at once.
    func close()

    /// How many bytes of memory the connection has reported to the server's budget.
    var chargedBytes: Int { get }
    /// The connection's share of the budget at `now`, and whether its client makes progress. A connection with several requests
    /// returns the share of the request that `shed` would give up.
    func holding(at now: UInt64) -> BudgetHolding
    /// Whether the connection is left unread because the budget is used up.
    var isParked: Bool { get }
    /// Reports to the budget how many bytes the connection holds now.
    func recharge()
    /// Stops reading until `unpark`.
    func park()
    /// Reads again, because the budget has room.
    func unpark()
    /// Ends the connection, or a request of it, to make room in the budget for others.
    func shed()
}
