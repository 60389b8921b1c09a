import FoundationEssentials
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Uploads that are saved")
struct SavingTests {
    private static func first(
        _ content: String, error: (any Error)? = nil, _ loop: IOLoop
    ) async throws -> MultipartPart {
        let form = part(#"name=f; filename="../../etc/passwd""#, content) + (error == nil ? "--b--" : "")
        let body = try MultipartBody(PieceSource(form, size: 1_000, error: error), contentType: formType, loop: loop)
        return try #require(try await body.next())
    }

    private static func content(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    private static func names(_ folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    private static let large = String(repeating: "0123456789abcdef", count: 60_000)

    @Test("X-41: a part is saved to a new file")
    func save() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let path = folder.path + "/a"
            #expect(try await Self.first(Self.large, loop).save(to: path) == 960_000)
            #expect(try Self.content(path) == Self.large)
            // An existing file is kept, and replaced only on demand.
            do {
                try await Self.first("new", loop).save(to: path)
                Issue.record("replaced")
            } catch let error as FormError { #expect(error == .fileExists(name: "a")) }
            #expect(try Self.content(path) == Self.large)
            #expect(try await Self.first("new", loop).save(to: path, overwriting: true) == 3)
            #expect(try Self.content(path) == "new")
            #expect(try Self.names(folder) == ["a"])
        }
    }

    @Test("N-33: a file is taken only if it begins as one of the types does, whatever its name says")
    func types() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let gif = "GIF89a" + Self.large
            #expect(
                try await Self.first(gif, loop).save(to: folder.path + "/a", accepting: FileType.webImages)
                    == gif.utf8.count)
            #expect(try Self.content(folder.path + "/a") == gif)
            for content in ["<html>GIF89a", "GIF8", "", "RIFF____WEB", "\u{FF}\u{D8}\u{FF}"] {
                await #expect(throws: FormError.self, "\(content)") {
                    try await Self.first(content, loop).save(to: folder.path + "/b", accepting: FileType.webImages)
                }
            }
            for content in ["RIFF____WEBP", "RIFFabcdWEBPVP8 "] {
                _ = try await Self.first(content, loop).saveTemporarily(in: folder, accepting: [.webp])
            }
            #expect(try Self.names(folder) == ["a"], "nothing of a refused file is written")
            #expect(FormError.unacceptableFile(name: "f", types: ["image/gif"]).status == 415)
        }
    }

    @Test("N-33: store names the file by chance and by its type")
    func store() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let gif = "GIF89a" + Self.large
            let first = try await Self.first(gif, loop).store(in: folder.path, accepting: FileType.webImages)
            let second = try await Self.first(gif, loop).store(in: folder.path, accepting: FileType.webImages)
            #expect(first != second && first.utf8.count == 36)
            for name in [first, second] {
                #expect(name.hasSuffix(".gif"))
                #expect(try Self.content(folder.path + "/" + name) == gif)
            }
            await #expect(throws: FormError.self) {
                try await Self.first("<html>", loop).store(in: folder.path, accepting: FileType.webImages)
            }
            let plain = FileType("text/x", beginningWith: Array("x".utf8))
            #expect(try await Self.first("x.y", loop).store(in: folder.path, accepting: [plain]).utf8.count == 32)
            #expect(try Self.names(folder).count == 3)
            let upload = try await Self.first(gif, loop).saveTemporarily(in: folder, accepting: FileType.webImages)
            #expect(upload.type == .gif)
        }
    }

    @Test("N-33: a signature may come in pieces, and stands at the beginning")
    func signatures() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let form = part(#"name=f; filename="x.exe""#, "%PDF-1.7 and more") + "--b--"
            let body = try MultipartBody(PieceSource(form, size: 1), contentType: formType, loop: loop)
            let file = try #require(try await body.next())
            #expect(try await file.save(to: folder.path + "/a", accepting: [.pdf, .mp4]) == 17)
            #expect(try Self.content(folder.path + "/a") == "%PDF-1.7 and more")
        }
        #expect(FileType.png.matches([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1]))
        #expect(FileType.jpeg.matches([0xFF, 0xD8, 0xFF]) && !FileType.jpeg.matches([0xFF, 0xD8]))
        #expect(FileType.mp4.matches(Array("\0\0\0 ftypisom".utf8)) && !FileType.mp4.matches(Array("ftypisom".utf8)))
        #expect(FileType.zip.matches(Array("PK\u{5}\u{6}".utf8)) && FileType.gzip.matches([0x1F, 0x8B, 8]))
        #expect(FileType("text/x", beginningWith: []).matches([]))
    }

    @Test("X-41: after an error or a cancellation nothing is left of the file, and a replaced one is as before")
    func partial() async throws {
        struct Lost: Error {}
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let path = folder.path + "/a"
            await #expect(throws: Lost.self) {
                try await Self.first(Self.large, error: Lost(), loop).save(to: path)
            }
            #expect(try Self.names(folder).isEmpty)
            try await Self.first("old", loop).save(to: path)
            await #expect(throws: Lost.self) {
                try await Self.first(Self.large, error: Lost(), loop).save(to: path, overwriting: true)
            }
            #expect(try Self.names(folder) == ["a"])
            #expect(try Self.content(path) == "old")
            // The source throws once the task was cancelled, as a body does.
            let task = Task(executorPreference: loop) {
                let part = try await Self.first(Self.large, error: CancellationError(), loop)
                withUnsafeCurrentTask { $0?.cancel() }
                try await part.save(to: path + "2")
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            let cancelled = Task(executorPreference: loop) {
                let source = CancellingSource(after: 700)
                let body = try MultipartBody(source, contentType: formType, loop: loop)
                try await body.next()?.save(to: path + "3")
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(try Self.names(folder) == ["a"])
        }
    }

    /// An endless file whose reader is cancelled after some pieces.
    private struct CancellingSource: AsyncSequence, AsyncIteratorProtocol {
        let after: Int
        private var count = 0

        init(after: Int) { self.after = after }

        func makeAsyncIterator() -> CancellingSource { self }

        mutating func next() async throws -> [UInt8]? {
            count += 1
            if count == 1 { return Array(part("name=f; filename=x", "").utf8.dropLast(2)) }
            if count == after { withUnsafeCurrentTask { $0?.cancel() } }
            return Array(repeating: 1, count: 1_000)
        }
    }

    private final class SavingHandler: RequestHandlerWith<String> {
        override class var requestBody: RequestBodyMode { .streamed }
        override func post() async throws {
            for try await part in try multipart() { try await part.save(to: "\(state)/\(part.safeFileName)") }
            setStatus(.created)
        }
    }

    @Test("X-41: a file that exists is a conflict, which the client learns of", arguments: testedBackends)
    func conflict(_ backend: IOBackend) async throws {
        let folder = try TemporaryFolder()
        try await withServer(backend, try Application([URLSpec("/", SavingHandler.self, folder.path)])) { port in
            let body = "--b\r\nContent-Disposition: form-data; name=f; filename=\"a.txt\"\r\n\r\n1\r\n--b--\r\n"
            let request =
                "POST / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let client = try TestClient(port: port)
            #expect(try client.ask(request).status == 201)
            let response = try client.ask(request)
            #expect(response.status == 409)
            #expect(response.text.contains(#"there is a file \"a.txt\" already"#))
        }
    }

    @Test("X-41: a temporary upload is removed with its last reference unless it was moved")
    func temporary() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let other = try TemporaryFolder()
            do {
                let upload = try await Self.first("123", loop).saveTemporarily(in: folder)
                #expect(upload.size == 3)
                #expect(upload.path.hasPrefix(folder.path + "/"))
                #expect(try Self.content(upload.path) == "123")
                #expect(try Self.names(folder).count == 1)
            }
            #expect(try Self.names(folder).isEmpty)
            let moved = other.path + "/moved"
            do {
                let upload = try await Self.first("456", loop).saveTemporarily(in: folder)
                try await upload.move(to: moved)
            }
            #expect(try Self.content(moved) == "456")
            do {
                let upload = try await Self.first("789", loop).saveTemporarily(in: folder)
                await #expect(throws: FormError.fileExists(name: "moved")) { try await upload.move(to: moved) }
                #expect(try Self.content(upload.path) == "789")
                try await upload.move(to: moved, overwriting: true)
            }
            #expect(try Self.content(moved) == "789")
            #expect(try Self.names(folder).isEmpty && Self.names(other) == ["moved"])
        }
    }
}
