/// How sessions are kept.
struct SessionRules: Sendable {
    let store: any SessionStore
    /// In seconds.
    let lifetime: Int64
    /// Whether requests prolong a session.
    let isSliding: Bool
    /// The most octets of the keys and values of a session.
    let maxSize: Int
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    /// A session is prolonged once a tenth of its lifetime has passed: not every request has to write.
    func isDueForRenewal(_ expires: Int64) -> Bool {
        isSliding && expires &- now() <= lifetime - lifetime / 10
    }
}
