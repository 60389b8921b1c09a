import Twister
import TwisterCrypto

/// Arguments of queries and forms, and bodies of other types.
let argumentRoutes = RouteGroup {
    RouteGroup("/args") {
        both("/one") { try $0.getArgument("name") }
        both("/default") { try $0.getArgument("name", default: "fallback") }
        both("/nostrip") { try $0.getArgument("name", strip: false) }
        both("/query") { try $0.getQueryArgument("name") }
        both("/body") { try $0.getBodyArgument("name") }
        for method in [HTTPRequest.Method.get, .post] {
            URLSpec(method, "/all") { handler in
                try handler.respond([
                    "all": JSON(handler.getArguments("name")), "query": JSON(handler.getQueryArguments("name")),
                    "body": JSON(handler.getBodyArguments("name")),
                ])
            }
            URLSpec(method, "/int") { handler in
                guard let number = Int128(try handler.getArgument("n")), number < .max else {
                    throw HTTPError(.badRequest)
                }
                try handler.setHeader(.contentType, "application/json; charset=UTF-8")
                handler.write("{\"n\": \(number + 1)}")
            }
        }
    }
    URLSpec("/form", FormHandler.self)
    URLSpec("/echo", EchoHandler.self)
    URLSpec(.post, "/json") { handler in
        let type = (handler.request.headers[.contentType] ?? "").prefix { $0 != ";" && $0 != " " }
        guard type.lowercased() == "application/json" else { throw HTTPError(.unsupportedMediaType) }
        let greeting = try handler.decodeBody(Greeting.self)
        let (next, isOverflow) = greeting.count.addingReportingOverflow(1)
        guard !isOverflow else { throw HTTPError(.unprocessableContent) }
        try handler.respond(["hello": .string(greeting.name), "count": .integer(next)])
    }
}.routes

/// A route for GET and POST that shows an argument.
private func both(_ pattern: String, _ value: @escaping @Sendable (RequestHandler) throws -> String) -> [URLSpec] {
    [HTTPRequest.Method.get, .post].map { method in
        URLSpec(method, pattern) { handler in try handler.respond(["value": JSON(value(handler))]) }
    }
}

private struct Greeting: Decodable {
    let name: String
    let count: Int
}

private final class FormHandler: RequestHandler {
    override func get() async throws {
        try respond([
            "query": Self.object(queryArguments()), "body": Self.object(bodyArguments()),
            "files": .list(orderedFiles().map(Self.describe)),
        ])
    }

    override func post() async throws { try await get() }
    override func put() async throws { try await get() }

    private static func object(_ arguments: Arguments) -> JSON {
        .object(Dictionary(arguments.map { ($0.name, JSON($0.values)) }, uniquingKeysWith: { $1 }))
    }

    /// The files of each field together, in the order in which the fields first appear.
    private func orderedFiles() throws -> [(field: String, file: HTTPFile)] {
        let files = try files()
        var places: [String: Int] = [:]
        for (field, _) in files where places[field] == nil { places[field] = places.count }
        let numbered = files.enumerated().map { (key: (places[$1.field] ?? 0, $0), value: $1) }
        return numbered.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func describe(_ field: String, _ file: HTTPFile) -> JSON {
        [
            "field": .string(field), "filename": .string(file.fileName), "type": .string(file.contentType),
            "size": .integer(file.body.count), "sha256": .string(hexadecimal(Digest.sha256.hash(file.body))),
        ]
    }
}

private final class EchoHandler: RequestHandler {
    override func get() async throws {
        try setHeader(.contentType, request.headers[.contentType] ?? "application/octet-stream")
        write(request.body)
    }

    override func post() async throws { try await get() }
    override func put() async throws { try await get() }
    override func patch() async throws { try await get() }
    override func delete() async throws { try await get() }
}

/// The octets of a digest in hexadecimal digits.
func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef")
    return digest.reduce(into: "") { text, octet in
        text.append(digits[Int(octet >> 4)])
        text.append(digits[Int(octet & 15)])
    }
}
