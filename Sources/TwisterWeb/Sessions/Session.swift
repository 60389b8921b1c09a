import FoundationEssentials

/// A user's session: values that the server keeps from one request to the next, under a key that the client has in a cookie.
///
///     handler.session["cart", as: Cart.self] = cart
///     let cart = handler.session["cart", as: Cart.self]
///
/// A session begins when the first value is stored; before that there is no cookie. Changes of a request are saved before its
/// client gets the response's head. Where two requests of one session overlap, each sees the values as they were when it began;
/// of two changes of one key, the later one stays.
///
/// It belongs to the loop of its request.
public final class Session {
    /// What happens to the session that the client has.
    private enum Fate {
        case kept
        /// It is kept, and lasts longer.
        case renewed
        /// It gets a new key, and lasts longer.
        case rotated
        case destroyed
    }

    /// What the response tells the client.
    enum CookieChange: Equatable {
        case set(SessionToken)
        case deleted
    }

    /// Where the session is kept.
    private enum Place {
        /// It is in no store yet.
        case new
        case stored(SessionToken)
        /// Another request has ended it, or given it a new key, which the client keeps. Nothing of it is saved any more.
        case endedElsewhere
    }

    /// Nil where no `Sessions` runs around the handler: nothing is saved.
    private let rules: SessionRules?
    private var place: Place
    private var values: [String: String]
    private var expires: Int64
    private var changes: [String: String?] = [:]
    private var fate = Fate.kept
    private var failure: SessionError?
    private(set) var cookie: CookieChange?
    /// Whether the handler has asked for the session.
    var isUsed = false
    /// Whether the middleware is still there to save what changes.
    var isOpen: Bool
    /// The save that was begun last.
    var saving: Task<Void, any Error>?

    /// - Parameter stored: the session that the client has, as it is in the store.
    init(_ rules: SessionRules?, _ stored: (token: SessionToken, data: SessionData)? = nil) {
        self.rules = rules
        place = stored.map { .stored($0.token) } ?? .new
        values = stored?.data.values ?? [:]
        expires = stored?.data.expires ?? 0
        isOpen = rules != nil
        if let stored, let rules, rules.isDueForRenewal(stored.data.expires) { fate = .renewed }
    }

    // MARK: Values

    /// The value of that name; nil: there is none, or it is of another type. Setting nil removes the value. A value that cannot
    /// be encoded turns the response into an error: 500.
    public subscript<Value: Codable>(name: String, as type: Value.Type = Value.self) -> Value? {
        get {
            guard let text = values[name] else { return nil }
            return try? JSONDecoder().decode(type, from: Data(text.utf8))
        }
        set {
            guard let newValue else {
                if values.removeValue(forKey: name) != nil { changes[name] = .some(nil) }
                return
            }
            do {
                let text = String(decoding: try JSONEncoder().encode(newValue), as: UTF8.self)
                values[name] = text
                changes[name] = text
            } catch {
                failure = .notEncodable(key: name, reason: "\(error)")
            }
        }
    }

    /// The value of that key; nil: there is none. Setting nil removes it.
    public subscript<Value>(key: SessionKey<Value>) -> Value? {
        get { self[key.name, as: Value.self] }
        set { self[key.name, as: Value.self] = newValue }
    }

    /// Whether there is no value.
    public var isEmpty: Bool { values.isEmpty }

    /// The names of all values.
    public var names: Set<String> { Set(values.keys) }

    // MARK: The course of a session

    /// Gives the session a new key, and invalidates the old one. Call it when the user logs in or gets more rights: otherwise
    /// somebody who has smuggled a key into the user's browser has the user's session (session fixation).
    public func rotate() {
        if case .stored = place, fate != .destroyed { fate = .rotated }
    }

    /// Ends the session: its values are removed, and its key becomes invalid. Call it when the user logs out. A value that is
    /// stored afterwards begins a new session.
    public func destroy() {
        fate = .destroyed
        if case .endedElsewhere = place { place = .new }
        values = [:]
        changes = [:]
        failure = nil
    }

    // MARK: Saving

    /// Whether there is something to save.
    var needsSaving: Bool {
        guard rules != nil else { return false }
        return switch place {
        case .new: !changes.isEmpty || failure != nil
        case .stored: !changes.isEmpty || failure != nil || fate != .kept
        case .endedElsewhere: false
        }
    }

    /// Whether a complete response has to wait: the client's next request may need what is being saved.
    var holdsResponse: Bool { isOpen && (needsSaving || saving != nil) }

    /// Whether nothing can be saved, because no `Sessions` runs around the handler.
    var isDetached: Bool { rules == nil }

    /// Saves what has changed.
    ///
    /// - Parameter canSetCookie: whether the client can still be told of a new key.
    /// - Throws: `SessionError`, and the store's errors. What has changed is lost then.
    func write(canSetCookie: Bool) async throws {
        guard let rules, needsSaving else { return }
        let (changes, fate, failure) = (changes, fate, failure)
        (self.changes, self.fate, self.failure) = ([:], .kept, nil)
        if let failure { throw failure }
        let size = SessionData(values: values, expires: 0).size
        guard size <= rules.maxSize else { throw SessionError.tooLarge(size: size, limit: rules.maxSize) }
        let end = rules.now() + rules.lifetime
        guard case .stored(let old) = place else { return try await begin(until: end, rules, canSetCookie) }
        switch fate {
        case .destroyed:
            try await rules.store.delete(old.id)
            place = .new
            cookie = .deleted
            try await begin(until: end, rules, canSetCookie)
        case .rotated:
            guard canSetCookie else { throw SessionError.begunAfterHead }
            // Nothing may come back of a session that another request has ended meanwhile.
            var data = try await rules.store.load(old.id) ?? SessionData(values: [:], expires: end)
            data.apply(SessionChanges(values: changes, expires: end))
            try await keep(data, rules)
            try await rules.store.delete(old.id)
        case .kept, .renewed:
            let update = SessionChanges(values: changes, expires: fate == .renewed ? end : expires)
            guard try await rules.store.update(old.id, update) else {
                place = .endedElsewhere
                values = [:]
                return
            }
            if fate == .renewed { cookie = .set(old) }
        }
    }

    private func begin(until end: Int64, _ rules: SessionRules, _ canSetCookie: Bool) async throws {
        guard !values.isEmpty else { return }
        guard canSetCookie else { throw SessionError.begunAfterHead }
        try await keep(SessionData(values: values, expires: end), rules)
    }

    /// Stores the session under a new key.
    private func keep(_ data: SessionData, _ rules: SessionRules) async throws {
        let token = SessionToken()
        try await rules.store.save(token.id, data)
        place = .stored(token)
        expires = data.expires
        cookie = .set(token)
    }
}

/// The name of a value together with its type, so that no handler reads it as another one:
///
///     extension SessionKey<Cart> { static let cart = SessionKey("cart") }
///
///     handler.session[.cart] = cart
public struct SessionKey<Value: Codable>: Sendable {
    /// The name under which the value is stored.
    public let name: String

    public init(_ name: String) { self.name = name }
}
