import HTTPTypes
import TwisterHTTP
import TwisterIO
import TwisterTesting
import TwisterWeb

extension Application {
    /// Runs a test on each backend, with a server and a client of its own. `X-Scheme` says whether the client speaks https.
    func testOnBothBackends(clock: TestClock = .real, _ body: (TestClient) async throws -> Void) async throws {
        for backend in [IOBackend.ioUring, .epoll] { try await test(on: backend, clock: clock, body) }
    }

    /// The same on one backend.
    func test(
        on backend: IOBackend, clock: TestClock, _ body: (TestClient) async throws -> Void
    ) async throws {
        var configuration = TestConfiguration()
        configuration.backend = backend
        configuration.clock = clock
        configuration.server.xheaders = true
        try await test(.inProcess, configuration: configuration, body)
    }
}

extension TestResponse {
    /// The value of a field by the text of its name; nil where there is none.
    func field(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}

/// Header fields of a request, by the texts of their names.
func fields(_ pairs: KeyValuePairs<String, String>) -> HTTPFields {
    var fields = HTTPFields()
    for (name, value) in pairs {
        if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
    }
    return fields
}
