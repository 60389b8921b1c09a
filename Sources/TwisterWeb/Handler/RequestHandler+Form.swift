import HTTPTypes
import TwisterCodec
public import TwisterHTTP

/// Forms in parts: `multipart/form-data` (RFC 7578).
extension RequestHandler {
    /// Reads the parts of a collected form, before the handler's method runs.
    ///
    /// - Throws: `HTTPError` 400 for a malformed form, 413 over `Application.Settings.maxFormParts` and
    ///   `maxFormPartHeaderSize`.
    ///
    /// Tornado: `httputil.parse_body_arguments`.
    func readForm() throws {
        guard !request.body.isEmpty else { return }
        let settings = application.settings
        try checkFormType()
        do throws(MultipartError) {
            let type = connection.requestHead.firstValueBytes(for: .contentType) { type in
                Result { () throws(MultipartError) in try MultipartParser.boundary(of: type) }
            }
            guard let boundary = try type?.get() else { return }
            var parts: [MultipartParser.Part] = []
            let result = request.body.withUnsafeBytes { body in
                Result { () throws(MultipartError) in
                    var parser = MultipartParser(
                        body, boundary: boundary, maxParts: settings.maxFormParts,
                        maxHeaderSize: settings.maxFormPartHeaderSize)
                    while let part = try parser.next() { parts.append(part) }
                }
            }
            try result.get()
            form = parts
        } catch {
            throw HTTPError(error.status, "the form is refused: \(error)")
        }
    }

    /// Refuses several `Content-Type` fields: each reader would choose another one, and so another boundary or no form at all.
    private func checkFormType() throws {
        let head = connection.requestHead
        guard head.isRepeated(.contentType) else { return }
        guard !head.values(for: .contentType).contains(where: { $0.withOctets(FormEncoding.isForm) }) else {
            throw HTTPError(.badRequest, "the form is refused: the request has several fields Content-Type")
        }
    }

    /// The files that a form of type `multipart/form-data` brought under a name, in its order.
    ///
    /// - Throws: `HTTPOutputError` where the body is streamed, and read by `multipart()`.
    ///
    /// Tornado: `HTTPServerRequest.files`.
    public func getFiles(_ name: String) throws -> [HTTPFile] {
        try files().filter { $0.field == name }.map(\.file)
    }

    /// All files that a form of type `multipart/form-data` brought, with the names of their fields, in its order.
    ///
    /// - Throws: `HTTPOutputError` where the body is streamed, and read by `multipart()`.
    public func files() throws -> [(field: String, file: HTTPFile)] {
        connection.checkThread("RequestHandler.files")
        try requireCollectedBody("files()")
        if form == nil, contentType?.type == multipartForm { throw HTTPError.formWithoutBody }
        return (form ?? []).compactMap { part in
            guard let fileName = part.fileName else { return nil }
            let type = part.contentType ?? "application/octet-stream"
            return (part.name, HTTPFile(fileName: fileName, contentType: type, body: Array(request.body[part.content])))
        }
    }

    /// A form in a streamed body has no arguments and files to ask for: they arrive in their order and are read once.
    func requireCollectedBody(_ function: String) throws {
        guard traits.requestBody == .collected || !connection.requestHead.hasBody else {
            throw HTTPOutputError(
                description:
                    "\(type(of: self)).\(function): the body is streamed (`requestBody`): read a form by multipart()")
        }
    }

    /// The parts of a streamed form as they arrive.
    ///
    ///     for try await part in try multipart(limits: .init(files: 10, fileSize: .gibibytes(2))) where part.isFile {
    ///         try await part.save(to: path)
    ///     }
    ///
    /// - Throws: `FormError`, which becomes 400, 413 or 415, for a body that is no such form or is over a limit.
    public func multipart(limits: MultipartLimits = MultipartLimits()) throws -> MultipartBody<HTTPBodyStream> {
        connection.checkThread("RequestHandler.multipart")
        guard traits.requestBody == .streamed else {
            throw HTTPOutputError(
                description: "\(type(of: self)).multipart(): the body is collected: have `requestBody` be .streamed")
        }
        return try MultipartBody(
            request.bodyStream, contentType: request.head[.contentType] ?? "",
            length: request.head[.contentLength].flatMap { Int($0) }, limits: limits, loop: loop)
    }

    /// The form's fields, in order.
    func formFields() -> [(name: String, value: [UInt8])] {
        (form ?? []).compactMap { part in
            part.fileName == nil ? (part.name, Array(request.body[part.content])) : nil
        }
    }
}

/// The type of forms in parts.
let multipartForm = "multipart/form-data"

extension HTTPError {
    /// A form in parts has at least the boundary that ends it (RFC 2046, 5.1.1): a request of that type without a body is
    /// malformed.
    static var formWithoutBody: HTTPError {
        HTTPError(.badRequest, "the form has no body", detail: "The form has no body.")
    }
}
