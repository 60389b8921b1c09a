import HTTPTypes
import TwisterTesting

@testable import TwisterWeb

/// Runs `body` with a client of an application made of these routes.
func withRoutes(
    _ setting: Setting, _ routes: [any Routes], middleware: [any Middleware] = [],
    settings: ApplicationSettings = .init(),
    _ body: (TestClient) async throws -> Void
) async throws {
    let application = try Application(routes, middleware: middleware, settings: settings)
    try await application.test(setting.depth, configuration: setting.configuration(), body)
}

extension HTTPFields {
    /// The value of a field by its name as a text.
    subscript(named name: String) -> String? {
        get { HTTPField.Name(name).flatMap { self[$0] } }
        set { if let name = HTTPField.Name(name) { self[name] = newValue } }
    }

    /// One field, by its name as a text.
    init(_ name: String, _ value: String) {
        self.init()
        if let name = HTTPField.Name(name) { self[name] = value }
    }
}
