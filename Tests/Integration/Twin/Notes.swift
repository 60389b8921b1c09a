import Synchronization
import Twister

/// What handlers note, by the key that a request names, for the clients that look at it later.
final class Notes: Sendable {
    private let notes = Mutex<[String: [String]]>([:])
    /// Keys come from clients, so that their number has a bound.
    private static let maxKeys = 10_000

    func add(_ text: String, for key: String) {
        notes.withLock { notes in
            if notes[key] == nil, notes.count >= Self.maxKeys { return }
            notes[key, default: []].append(text)
        }
    }

    func list(_ key: String) -> [String] { notes.withLock { $0[key] ?? [] } }

    var routes: [URLSpec] {
        [
            URLSpec(.get, "/notes/(.+)") { (handler, key: String) in
                try handler.respond(["notes": JSON(self.list(key))])
            }
        ]
    }
}
