import HTTPTypes
import TwisterCodec
import TwisterHTTP

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

    /// The files that a form of type `multipart/form-data` brought under a name, in its order.
    ///
    /// Tornado: `HTTPServerRequest.files`.
    public func getFiles(_ name: String) -> [HTTPFile] {
        connection.checkThread("RequestHandler.getFiles")
        return (form ?? []).compactMap { part in
            guard part.name == name, let fileName = part.fileName else { return nil }
            return HTTPFile(
                fileName: fileName, contentType: part.contentType ?? "application/octet-stream",
                body: Array(request.body[part.content]))
        }
    }

    /// The values of the fields of that name.
    func formFields(_ name: String) -> [String] {
        (form ?? []).compactMap { part in
            guard part.name == name, part.fileName == nil else { return nil }
            return String(decoding: request.body[part.content], as: UTF8.self)
        }
    }
}

/// A file that a form brought (RFC 7578). Tornado: `httputil.HTTPFile`.
public struct HTTPFile: Sendable, Hashable {
    /// The name that the client gave it: no path to be trusted. Tornado: `filename`.
    public let fileName: String
    /// The type that the client gave it; `application/octet-stream` where it gave none. Tornado: `content_type`, there
    /// `application/unknown`.
    public let contentType: String
    /// The file's bytes.
    public let body: [UInt8]
}
