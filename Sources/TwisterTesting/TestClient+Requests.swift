public import HTTPTypes
import TwisterWeb

/// The requests. `query` and `form` are pairs in the order in which they are sent; of `body`, `json`, `form` and `multipart`
/// at most one is given. Each throws `TestClientError`, or `CancellationError` where its task is cancelled; `json` also
/// `EncodingError`.
extension TestClient {
    /// Sends a request with any method, and waits for the whole response.
    ///
    /// - Parameters:
    ///   - method: the request's method.
    ///   - path: path and perhaps query, as a person writes them; characters that a URL does not allow are
    ///     percent-encoded.
    ///   - query: arguments that are added to the query.
    ///   - headers: further fields. `Host` is `localhost`, with the port at the depth `live`, unless it is among them.
    ///   - body: the body as it is.
    ///   - json: a value that is sent as JSON.
    ///   - form: fields of a form, sent as `application/x-www-form-urlencoded`.
    ///   - multipart: fields and files of a form, sent as `multipart/form-data`.
    ///   - bearer: a token for `Authorization: Bearer` (RFC 6750).
    ///   - basic: user and password for `Authorization: Basic` (RFC 7617).
    ///
    /// Tornado: `AsyncHTTPTestCase.fetch`.
    public func execute(
        _ method: HTTPRequest.Method, _ path: String, query: KeyValuePairs<String, String> = [:],
        headers: HTTPFields = [:], body: TestBody? = nil, json: (any Encodable)? = nil,
        form: KeyValuePairs<String, String>? = nil, multipart: [TestFormPart]? = nil, bearer: String? = nil,
        basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        var request = try request(method, path, query, headers, bearer, basic)
        try request.setBody(body, json, form, multipart)
        let end = ContinuousClock.now + timeout
        let response = try await open(request, until: end)
        return try await response.collect(until: end, timeout: timeout, limit: maxResponseSize)
    }

    /// Sends a request, and returns as soon as the response's head has come. The body is then read while it arrives. The
    /// parameters and errors are those of `execute`.
    public func stream(
        _ method: HTTPRequest.Method, _ path: String, query: KeyValuePairs<String, String> = [:],
        headers: HTTPFields = [:], body: TestBody? = nil, json: (any Encodable)? = nil, bearer: String? = nil,
        basic: (user: String, password: String)? = nil
    ) async throws -> TestStreamedResponse {
        var request = try request(method, path, query, headers, bearer, basic)
        try request.setBody(body, json, nil, nil)
        let response = try await open(request, until: .now + timeout)
        return TestStreamedResponse(response.head, response.feed, timeout: timeout)
    }

    /// Sends a request with GET, and waits for the whole response; see `execute`.
    public func get(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], bearer: String? = nil,
        basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(.get, path, query: query, headers: headers, bearer: bearer, basic: basic)
    }

    /// Sends a request with HEAD, and waits for the whole response; see `execute`.
    public func head(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], bearer: String? = nil,
        basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(.head, path, query: query, headers: headers, bearer: bearer, basic: basic)
    }

    /// Sends a request with OPTIONS, and waits for the whole response; see `execute`.
    public func options(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], bearer: String? = nil,
        basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(.options, path, query: query, headers: headers, bearer: bearer, basic: basic)
    }

    /// Sends a request with POST, and waits for the whole response; see `execute`.
    public func post(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], body: TestBody? = nil,
        json: (any Encodable)? = nil, form: KeyValuePairs<String, String>? = nil, multipart: [TestFormPart]? = nil,
        bearer: String? = nil, basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(
            .post, path, query: query, headers: headers, body: body, json: json, form: form, multipart: multipart,
            bearer: bearer, basic: basic)
    }

    /// Sends a request with PUT, and waits for the whole response; see `execute`.
    public func put(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], body: TestBody? = nil,
        json: (any Encodable)? = nil, form: KeyValuePairs<String, String>? = nil, multipart: [TestFormPart]? = nil,
        bearer: String? = nil, basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(
            .put, path, query: query, headers: headers, body: body, json: json, form: form, multipart: multipart,
            bearer: bearer, basic: basic)
    }

    /// Sends a request with PATCH, and waits for the whole response; see `execute`.
    public func patch(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], body: TestBody? = nil,
        json: (any Encodable)? = nil, form: KeyValuePairs<String, String>? = nil, multipart: [TestFormPart]? = nil,
        bearer: String? = nil, basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(
            .patch, path, query: query, headers: headers, body: body, json: json, form: form, multipart: multipart,
            bearer: bearer, basic: basic)
    }

    /// Sends a request with DELETE, and waits for the whole response; see `execute`.
    public func delete(
        _ path: String, query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], body: TestBody? = nil,
        json: (any Encodable)? = nil, bearer: String? = nil, basic: (user: String, password: String)? = nil
    ) async throws -> TestResponse {
        try await execute(
            .delete, path, query: query, headers: headers, body: body, json: json, bearer: bearer, basic: basic)
    }

    private func request(
        _ method: HTTPRequest.Method, _ path: String, _ query: KeyValuePairs<String, String>, _ headers: HTTPFields,
        _ bearer: String?, _ basic: (user: String, password: String)?
    ) throws(TestClientError) -> PreparedRequest {
        let isHost = { (field: HTTPField) in field.name.canonicalName == "host" }
        var fields = HTTPFields(headers.filter { !isHost($0) })
        if let bearer { fields[.authorization] = "Bearer \(bearer)" }
        if let basic {
            guard bearer == nil else { throw .invalidRequest("bearer and basic") }
            fields[.authorization] = "Basic " + FormEncoding.base64("\(basic.user):\(basic.password)")
        }
        return PreparedRequest(
            method: method, target: try PreparedRequest.target(path, query),
            authority: headers.first(where: isHost)?.value ?? host.authority, fields: fields, body: .none)
    }
}

extension PreparedRequest {
    /// Sets the body, and its type unless the fields say it.
    fileprivate mutating func setBody(
        _ given: TestBody?, _ json: (any Encodable)?, _ form: KeyValuePairs<String, String>?,
        _ multipart: [TestFormPart]?
    ) throws {
        var type: String?
        var count = 0
        if let given {
            count += 1
            switch given {
            case .bytes(let bytes): body = .whole(bytes)
            case .text(let text): body = .whole(Array(text.utf8))
            case .pieces(let pieces): body = .pieces(pieces)
            }
        }
        if let json {
            count += 1
            type = "application/json"
            body = .whole(try ApplicationSettings().encodeJSON(json))
        }
        if let form {
            count += 1
            type = "application/x-www-form-urlencoded"
            body = .whole(Array(FormEncoding.urlEncoded(form).utf8))
        }
        if let multipart {
            count += 1
            let encoded = FormEncoding.multipart(multipart)
            type = encoded.contentType
            body = .whole(encoded.bytes)
        }
        guard count <= 1 else { throw TestClientError.invalidRequest("several bodies") }
        if let type, fields[.contentType] == nil { fields[.contentType] = type }
    }
}
