/// State that few connections have, apart so that idle connections stay small.
final class RareConnectionState {
    /// Bytes that the budget was told of.
    var charged = 0
    /// Whether it is left unread because the budget is used up.
    var isParked = false
    /// Whether the connection counts as its client's.
    var isClientCounted = false
    /// The progress of a client that does not take its responses at once.
    var outputWatch: OutputWatch?
    /// The outcome of exchanges whose responses the client has not taken, where the server itself closes the connection.
    var outcomeOfClose: ExchangeRecord.Outcome?
}
