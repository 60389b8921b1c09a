import Synchronization
import Testing
import TwisterIO

@testable import TwisterWeb

@Suite("Forms that are read as they arrive")
struct MultipartBodyTests {
    private static let form =
        part("name=title", "a \u{e9} b")
        + part(#"name="file"; filename="C:\fakepath\a.txt""#, "line\r\n--\r\nline", type: "text/plain")
        + part(#"name="none"; filename="""#, "") + part("name=last", "z") + "--b--\r\nepilogue"

    @Test("X-42: parts, however the body is cut", arguments: [1, 2, 3, 7, 16, 64, 1_000])
    func parts(size: Int) async throws {
        let found = try await onLoop { loop in
            let body = try MultipartBody(
                PieceSource(Self.form, size: size), contentType: formType, length: Self.form.utf8.count, loop: loop)
            let progress = Mutex<[Int]>([])
            body.onProgress = { step in progress.withLock { $0.append(step.received) } }
            var found: [String] = []
            for try await part in body {
                found.append(
                    "\(part.name)/\(part.fileName ?? "-")/\(part.contentType ?? "-")/\(part.isFile)=\(try await part.text())"
                )
                #expect(try await part.collect().isEmpty, "a part is read once")
            }
            #expect(try await body.next() == nil)
            #expect(body.progress == UploadProgress(received: Self.form.utf8.count, total: Self.form.utf8.count))
            #expect(body.progress.fraction == 1)
            #expect(progress.withLock { $0.last } == Self.form.utf8.count)
            return found
        }
        #expect(
            found == [
                "title/-/-/false=a \u{e9} b", #"file/C:\fakepath\a.txt/text/plain/true=line"# + "\r\n--\r\nline",
                "none/-/-/false=", "last/-/-/false=z",
            ])
    }

    @Test("X-42: what is not read of a part is skipped, and a part that is over says so", arguments: [1, 5, 1_000])
    func skipping(size: Int) async throws {
        try await onLoop { loop in
            let body = try MultipartBody(PieceSource(Self.form, size: size), contentType: formType, loop: loop)
            let title = try #require(try await body.next())
            let iterator = title.content
            _ = try await iterator.next()
            let file = try #require(try await body.next())
            #expect(file.name == "file")
            await expectError(.partIsOver(name: "title")) { _ = try await title.collect() }
            #expect(FormError.partIsOver(name: "title").status == 500)
        }
        // A mistake of the handler ends neither the form nor the next part.
        try await onLoop { loop in
            let body = try MultipartBody(PieceSource(Self.form, size: size), contentType: formType, loop: loop)
            let title = try #require(try await body.next())
            let file = try #require(try await body.next())
            await expectError(.partIsOver(name: "title")) { _ = try await title.text() }
            #expect(try await file.text() == "line\r\n--\r\nline")
            var names: [String] = []
            for try await part in body { names.append(part.name) }
            #expect(names == ["none", "last"])
            await expectError(.partIsOver(name: "file")) { _ = try await file.text() }
        }
    }

    @Test("X-42: the source is asked only for what the handler reads")
    func backpressure() async throws {
        try await onLoop { loop in
            let head = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n"
            let pieces = [Array(head.utf8)] + Array(repeating: Array("0123456789".utf8), count: 100)
            let source = PieceSource(pieces + [Array("\r\n--b--".utf8)])
            let body = try MultipartBody(source, contentType: formType, loop: loop)
            let asked = { source.asked.value.withLock { $0 } }
            #expect(asked() == 0)
            let part = try #require(try await body.next())
            #expect(asked() == 1)
            for count in 1...10 {
                #expect(try await part.content.next()?.count == 10)
                #expect(asked() == 1 + count)
            }
            await expectError(.partTooLarge(name: "f", limit: 99)) { _ = try await part.collect(upTo: 99) }
        }
    }

    @Test("HU-12: each limit is 413, when it is passed and not before", arguments: [1, 1_000])
    func limits(size: Int) async throws {
        let files = part("name=f; filename=x", "12345") + part("name=f; filename=y", "12345")
        let form = files + part("name=a", "123") + part("name=a", "123") + "--b--"
        var exact = MultipartLimits()
        exact.files = 2
        exact.fields = 2
        exact.fileSize = 5
        exact.fieldSize = 3
        exact.total = ByteCount(bytes: form.utf8.count)
        exact.headerSize = 50
        var cases: [(MultipartLimits, FormError?)] = [(exact, nil)]
        let change = { (error: FormError, change: (inout MultipartLimits) -> Void) in
            var limits = exact
            change(&limits)
            cases.append((limits, error))
        }
        change(.tooManyFiles(limit: 1)) { $0.files = 1 }
        change(.tooManyFields(limit: 1)) { $0.fields = 1 }
        change(.partTooLarge(name: "f", limit: 4)) { $0.fileSize = 4 }
        change(.partTooLarge(name: "a", limit: 2)) { $0.fieldSize = 2 }
        change(.headerTooLarge(limit: 49)) { $0.headerSize = 49 }
        change(.bodyTooLarge(limit: ByteCount(bytes: form.utf8.count - 1))) {
            $0.total = ByteCount(bytes: form.utf8.count - 1)
        }
        for (limits, error) in cases {
            try await onLoop { loop in
                let body = try MultipartBody(
                    PieceSource(form, size: size), contentType: formType, limits: limits, loop: loop)
                // Parts that nobody reads count as well.
                guard let error else {
                    while try await body.next() != nil {}
                    return
                }
                #expect(error.status == 413)
                await expectError(error) { while try await body.next() != nil {} }
                await expectError(error) { _ = try await body.next() }
            }
        }
        try await onLoop { loop in
            var limits = MultipartLimits()
            limits.total = 10
            #expect(throws: FormError.bodyTooLarge(limit: 10)) {
                _ = try MultipartBody(PieceSource(""), contentType: formType, length: 11, limits: limits, loop: loop)
            }
        }
    }

    @Test("X-42: a body that ends early, is malformed or of another type is refused")
    func malformed() async throws {
        let length = Self.form.utf8.count - "\r\nepilogue".utf8.count
        try await onLoop { loop in
            for count in 0..<length {
                let source = PieceSource(String(decoding: Self.form.utf8.prefix(count), as: UTF8.self), size: 10)
                let body = try MultipartBody(source, contentType: formType, loop: loop)
                await expectError(.malformed("the last delimiter is missing")) {
                    while let part = try await body.next() { _ = try await part.collect() }
                }
            }
            #expect(throws: FormError.unsupportedType) {
                _ = try MultipartBody(PieceSource(""), contentType: "text/plain", loop: loop)
            }
            #expect(throws: FormError.malformed("its type has no valid boundary")) {
                _ = try MultipartBody(PieceSource(""), contentType: "multipart/form-data", loop: loop)
            }
            let latin = [Array(part("name=a", "").utf8.dropLast(2)), [0xE4], Array("\r\n--b--".utf8)]
            let body = try MultipartBody(PieceSource(latin), contentType: formType, loop: loop)
            let part = try #require(try await body.next())
            await expectError(.notText(name: "a")) { _ = try await part.text() }
        }
    }

    @Test("X-42: an error of the source reaches the handler")
    func sourceError() async throws {
        struct Lost: Error {}
        try await onLoop { loop in
            let source = PieceSource(part("name=a", "123"), error: Lost())
            let body = try MultipartBody(source, contentType: formType, loop: loop)
            let part = try #require(try await body.next())
            await #expect(throws: Lost.self) { _ = try await part.collect() }
        }
    }
}
