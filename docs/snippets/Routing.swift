import Twister

struct Track: Codable, Sendable {
    let id: Int
    var title: String
}

actor Library {
    private var tracks = [1: Track(id: 1, title: "So What")]

    func page(_ number: Int) -> [Track] { number == 1 ? tracks.values.sorted { $0.id < $1.id } : [] }
    func find(_ id: Int) -> Track? { tracks[id] }
    func cover(_ path: String) throws -> String { "the file \(path)" }
    func remove(_ id: Int) -> Bool { tracks.removeValue(forKey: id) != nil }
}

enum Names {
    static let newest = PlainRouteName("newest")
    static let track = RouteName<Int>("track")
}

func makeLibrary(_ library: Library) throws -> Application {
    let tracks = RouteGroup("/tracks", policy: Policy(maxBodySize: .kibibytes(64), cacheControl: "no-cache")) {
        URLSpec(.get, "") { handler in
            await library.page(try handler.getArgument("page", as: Int.self, default: 1))
        }
        URLSpec(.get, "/([0-9]+)") { (_, id: Int) in await library.find(id) }.named(Names.track)
        URLSpec(.delete, "/([0-9]+)") { (_, id: Int) in
            await library.remove(id) ? HTTPResponse.Status.noContent : .notFound
        }
    }
    let admin = RouteGroup(host: "admin.example.com") {
        URLSpec(.get, "/") { _ in "the administrators' page" }
    }
    return try Application([
        admin,
        tracks,
        URLSpec(.get, "/newest") { handler in try handler.redirect(try handler.reverseURL(Names.track, 1)) }
            .named(Names.newest),
        // Not String: a client may send ..%2Fsecret, which the pattern matches and a String argument has decoded.
        URLSpec(.get, "/covers/([^/]+)") { (_, name: FileName) in try await library.cover("covers/\(name)") },
        URLSpec("/old/(.*)", RedirectHandler.self, Redirection("/tracks/{0}")),
        URLSpec("/gone/.*", ErrorHandler.self, .gone),
    ])
}
