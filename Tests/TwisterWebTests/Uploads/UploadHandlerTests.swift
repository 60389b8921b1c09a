import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Reads a form as it arrives, and saves its files.
private final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func post() async throws {
        var limits = MultipartLimits()
        limits.files = 2
        let folder = try TemporaryFolder()
        do {
            let body = try MultipartBody(
                request.bodyStream, contentType: request.headers[.contentType] ?? "", limits: limits, loop: loop)
            for try await part in body {
                if part.isFile {
                    let upload = try await part.saveTemporarily(in: folder)
                    write("\(part.safeFileName):\(upload.size);")
                } else {
                    write("\(part.name)=\(try await part.text());")
                }
            }
        } catch let error as FormError {
            throw HTTPError(error.status, "\(error)")
        }
    }
}

@Suite("Uploads of a handler", .serialized)
struct UploadHandlerTests {
    @Test("X-41, X-42: a handler saves the files of a form, and one over a limit is 413", arguments: testedBackends)
    func upload(_ backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", UploadHandler.self)])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let post = { (body: String, type: String) in
                try client.ask(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
            }
            let large = String(repeating: "0123456789abcdef", count: 100_000)
            let file = part("name=f; filename=\"../x.txt\"", large)
            let form = part("name=a", "1") + file + part("name=b", "2") + "--b--\r\nepilogue"
            for _ in 0..<2 { #expect(try post(form, formType).text == "a=1;x.txt:1600000;b=2;") }
            #expect(try post("a=1", "text/plain").status == 415)
            #expect(try post(part("name=a", "1"), formType).status == 400)
            let small = part("name=f; filename=x", "y")
            let other = try TestClient(port: port)
            let three = small + small + small + "--b--"
            let response = try other.ask(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \(formType)\r\nContent-Length: \(three.utf8.count)\r\n\r\n\(three)"
            )
            #expect(response.status == 413)
        }
    }
}
