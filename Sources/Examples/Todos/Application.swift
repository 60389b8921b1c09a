import Twister

/// The routes of the API.
///
/// - Parameters:
///   - users: the users by their tokens.
///   - origins: the origins whose pages may call the API from a browser.
func makeApplication(
    users: [String: String], origins: [String] = [], store: TodoStore = TodoStore()
) throws -> Application {
    let todo = RouteName<Int>("todo")
    // CORS comes first: browsers ask what they may send without a token.
    let cors = try CORS(origins: .only(origins), exposedHeaders: [.location])
    let bearer = BearerAuth(realm: "todos") { users[$0] }
    let json = Policy(
        maxBodySize: .kibibytes(16), consumes: ["application/json", "application/*+json"],
        produces: ["application/json"])
    let routes = RouteGroup("/todos", middleware: [cors, bearer], policy: json) {
        URLSpec(.get, "") { handler in
            await store.page(try handler.decodeQuery(Paging.self), of: try handler.requireUser())
        }
        URLSpec(.post, "") { handler in
            let added = try await store.add(try handler.decodeBody(Draft.self), for: try handler.requireUser())
            handler.setStatus(.created)
            try handler.setHeader(.location, try handler.reverseURL(todo, added.id))
            return added
        }
        URLSpec(.get, "/([0-9]+)") { (handler, id: Int) in
            await store.find(id, of: try handler.requireUser())
        }
        .named(todo)
        URLSpec(.patch, "/([0-9]+)") { (handler, id: Int) in
            await store.change(id, of: try handler.requireUser(), try handler.decodeBody(Change.self))
        }
        URLSpec(.delete, "/([0-9]+)") { (handler, id: Int) in
            await store.remove(id, of: try handler.requireUser()) ? HTTPResponse.Status.noContent : .notFound
        }
    }
    return try Application([routes], settings: .init(prefersProblemDetails: true))
}
