import FoundationEssentials
import HTTPTypes
import Synchronization
import Testing
import TwisterTestSupport
import TwisterTesting

@testable import TwisterIO
@testable import TwisterWeb

/// An application that takes uploads, and keeps what came of them.
private final class UploadSite: Sendable {
    let folder: TemporaryFolder
    let time = TestTime()
    let application: Application
    private let seen: Seen

    final class Seen: Sendable {
        let files = Mutex<[(name: String, bytes: [UInt8])]>([])
        let fails = Atomic(false)
        /// Whether it fails when it has moved the file.
        let failsLate = Atomic(false)
    }

    init(maxUploads: Int = 10, quota: ByteCount = .mebibytes(10)) throws {
        let (folder, seen, time) = (try TemporaryFolder(), Seen(), time)
        let uploads = try ResumableUploads(
            in: folder.path + "/pending", maxSize: .mebibytes(4), maxUploads: maxUploads, quota: quota,
            lifetime: .seconds(100), now: { time.now }
        ) { _, upload in
            if seen.fails.load(ordering: .relaxed) { throw HTTPError(.serviceUnavailable) }
            try await upload.move(to: folder.path + "/done", overwriting: true)
            if seen.failsLate.load(ordering: .relaxed) { throw HTTPError(.serviceUnavailable) }
            // Foundation leaks some memory for each file that is empty.
            let bytes = try readFile(folder.path + "/done", upTo: .max)
            seen.files.withLock { $0.append((upload.safeFileName, bytes)) }
        }
        (self.folder, self.seen) = (folder, seen)
        application = try Application([uploads.routes("/files")])
    }

    var files: [(name: String, bytes: [UInt8])] { seen.files.withLock { $0 } }
    func failLate() { seen.failsLate.store(true, ordering: .relaxed) }
    func fail(_ fails: Bool) { seen.fails.store(fails, ordering: .relaxed) }
    var pending: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path + "/pending").sorted() }
    }
}

private let tus = ["Tus-Resumable": "1.0.0"]

private func tusFields(_ more: [String: String] = [:]) -> HTTPFields {
    var fields = HTTPFields()
    for (name, value) in tus.merging(more, uniquingKeysWith: { $1 }) { fields[named: name] = value }
    return fields
}

private func offsetFields(_ offset: String) -> HTTPFields {
    tusFields(["Upload-Offset": offset, "Content-Type": "application/offset+octet-stream"])
}

extension TwisterTesting.TestClient {
    fileprivate func begin(_ length: Int, _ more: [String: String] = [:]) async throws -> String {
        let response = try await post("/files", headers: tusFields(more.merging(["Upload-Length": "\(length)"]) { $1 }))
        #expect(response.status == .created)
        return try #require(response.headers[.location])
    }

    fileprivate func offset(_ path: String) async throws -> String? {
        let response = try await head(path, headers: tusFields())
        #expect(response.status == .ok)
        return response.headers[named: "Upload-Offset"]
    }
}

@Suite("ResumableUploads", .serialized)
struct ResumableUploadTests {
    private static let text = String(repeating: "0123456789abcdef", count: 40_000)

    @Test("N-33: a file comes in pieces, and the application gets it once")
    func pieces() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            let count = site.files.count
            // "../grün.txt" and "text/plain".
            let path = try await client.begin(
                640_000, ["Upload-Metadata": "filename Li4vZ3LDvG4udHh0,filetype dGV4dC9wbGFpbg==,flag"])
            #expect(try await client.offset(path) == "0")
            for start in stride(from: 0, to: 640_000, by: 320_000) {
                let piece = String(Self.text.dropFirst(start).prefix(320_000))
                let response = try await client.patch(path, headers: offsetFields("\(start)"), body: .text(piece))
                #expect(response.status == .noContent)
                #expect(response.headers[named: "Upload-Offset"] == "\(start + 320_000)")
            }
            #expect(site.files.count == count + 1)
            #expect(site.files.last?.name == "grün.txt")
            #expect(site.files.last.map { String(decoding: $0.bytes, as: UTF8.self) } == Self.text)
            // A client that has lost the last response learns that it is done.
            #expect(try await client.offset(path) == "640000")
            #expect(try await client.patch(path, headers: offsetFields("640000"), body: "").status == .noContent)
            #expect(try await client.patch(path, headers: offsetFields("0"), body: "x").status == .conflict)
            #expect(site.files.count == count + 1)
            #expect(try site.pending.allSatisfy { $0.hasSuffix(".json") })
        }
    }

    @Test("N-33: what a client has sent before its connection was lost is kept", arguments: testedBackends)
    func lostConnection(backend: IOBackend) async throws {
        let site = try UploadSite()
        try await withServer(backend, site.application) { port in
            let client = try TwisterTestSupport.TestClient(port: port)
            let begun = try client.ask(
                "POST /files HTTP/1.1\r\nHost: a\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 640000\r\n\r\n")
            let path = try #require(begun.field("location"))
            let head =
                "PATCH \(path) HTTP/1.1\r\nHost: a\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
            try client.send(head + "Upload-Offset: 0\r\nContent-Length: 640000\r\n\r\n" + Self.text.prefix(300_000))
            // While it is under way, nobody else writes.
            let other = try TwisterTestSupport.TestClient(port: port)
            let askOffset = "HEAD \(path) HTTP/1.1\r\nHost: a\r\nTus-Resumable: 1.0.0\r\n\r\n"
            try await eventually("bytes have come") {
                try other.ask(askOffset, toHead: true).field("upload-offset") != "0"
            }
            #expect(try other.ask(head + "Upload-Offset: 0\r\nContent-Length: 1\r\n\r\nx").status == 423)
            client.reset()
            try await eventually("all that came is written") {
                try other.ask(askOffset, toHead: true).field("upload-offset") == "300000"
            }
            try await eventually("the other request has ended") {
                let rest = Self.text.dropFirst(300_000)
                let response = try other.ask(
                    head + "Upload-Offset: 300000\r\nContent-Length: \(rest.utf8.count)\r\n\r\n" + rest)
                return response.status == 204
            }
        }
        #expect(site.files.map { String(decoding: $0.bytes, as: UTF8.self) } == [Self.text])
    }

    @Test("N-33: bytes may come with the beginning; a file may be empty, and may come without a length")
    func creationWithUpload() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            let count = site.files.count
            var headers = offsetFields("0")
            headers[named: "Upload-Length"] = "10"
            let response = try await client.post("/files", headers: headers, body: "01234")
            #expect(response.status == .created)
            #expect(response.headers[named: "Upload-Offset"] == "5")
            let path = try #require(response.headers[.location])
            let pieces = TestBody.pieces([Array("567".utf8), Array("89".utf8)])
            #expect(try await client.patch(path, headers: offsetFields("5"), body: pieces).status == .noContent)
            #expect(site.files.last.map { String(decoding: $0.bytes, as: UTF8.self) } == "0123456789")
            _ = try await client.begin(0)
            #expect(site.files.count == count + 2 && site.files.last?.bytes.isEmpty == true)
            #expect(site.files.last?.name == "file")
        }
    }

    @Test("N-33: more bytes than announced, a wrong offset and other mistakes are refused, and harm nothing")
    func refused() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            let path = try await client.begin(10)
            #expect(try await client.patch(path, headers: offsetFields("0"), body: "01234").status == .noContent)
            for offset in ["0", "4", "6", "10"] {
                let response = try await client.patch(path, headers: offsetFields(offset), body: "x")
                #expect(response.status == .conflict)
                #expect(response.headers[named: "Upload-Offset"] == "5")
                #expect(response.headers[named: "Tus-Resumable"] == "1.0.0")
            }
            for offset in ["", "-1", "5x", "99999999999999999999"] {
                #expect(try await client.patch(path, headers: offsetFields(offset), body: "x").status == .badRequest)
            }
            #expect(try await client.patch(path, headers: offsetFields("5"), body: "567890").status == .contentTooLarge)
            let pieces = TestBody.pieces([Array("567".utf8), Array("890".utf8)])
            #expect(try await client.patch(path, headers: offsetFields("5"), body: pieces).status == .contentTooLarge)
            // What came before the piece that was too much is kept.
            let offset = try #require(try await client.offset(path))
            #expect(offset == "5" || offset == "8")
            #expect(
                try await client.patch(path, headers: tusFields(["Upload-Offset": offset]), body: "x").status
                    == .unsupportedMediaType)
            let rest = String("0123456789".dropFirst(Int(offset) ?? 0))
            #expect(try await client.patch(path, headers: offsetFields(offset), body: .text(rest)).status == .noContent)
            #expect(site.files.last.map { String(decoding: $0.bytes, as: UTF8.self) } == "0123456789")
            for length in ["", "-1", "x", "5000000"] {
                let status = try await client.post("/files", headers: tusFields(["Upload-Length": length])).status
                #expect(status == (length == "5000000" ? .contentTooLarge : .badRequest))
            }
            #expect(try await client.post("/files", headers: tusFields()).status == .badRequest)
            for metadata in ["a b c", "a !!!", "a QQ==,a QQ==", "a /w=="] {
                let headers = tusFields(["Upload-Length": "1", "Upload-Metadata": metadata])
                #expect(try await client.post("/files", headers: headers).status == .badRequest, "\(metadata)")
            }
        }
    }

    @Test("N-33: clients learn what the server speaks; another version is 412")
    func discovery() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            let response = try await client.options("/files")
            #expect(response.status == .noContent)
            #expect(response.headers[named: "Tus-Version"] == "1.0.0")
            #expect(response.headers[named: "Tus-Max-Size"] == "4194304")
            #expect(response.headers[named: "Tus-Extension"]?.contains("termination") == true)
            for version in ["0.2.2", nil] as [String?] {
                var headers = HTTPFields()
                headers[named: "Upload-Length"] = "1"
                headers[named: "Tus-Resumable"] = version
                let refused = try await client.post("/files", headers: headers)
                #expect(refused.status == .preconditionFailed)
                #expect(refused.headers[named: "Tus-Version"] == "1.0.0")
            }
        }
        #expect(try site.pending.isEmpty)
    }

    @Test("N-33: an upload can be given up, unknown ones are 404, and no path leads out of the folder")
    func removal() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            let path = try await client.begin(10)
            #expect(try await client.delete(path, headers: tusFields()).status == .noContent)
            #expect(try site.pending.isEmpty)
            for unknown in [path, "/files/..", "/files/%2e%2e%2fdone", "/files/" + String(repeating: "A", count: 22)] {
                #expect(try await client.head(unknown, headers: tusFields()).status == .notFound)
                #expect(try await client.patch(unknown, headers: offsetFields("0"), body: "x").status == .notFound)
                #expect(try await client.delete(unknown, headers: tusFields()).status == .notFound)
            }
            let other = try await client.begin(1)
            let override = offsetFields("0").merging(["X-HTTP-Method-Override": "PATCH"])
            #expect(try await client.post(other, headers: override, body: "x").status == .noContent)
            #expect(try await client.post(other, headers: tusFields()).status == .methodNotAllowed)
            #expect(try await client.delete(other, headers: tusFields()).status == .noContent)
        }
    }

    @Test("N-33: number, room and time of uploads are bounded")
    func bounds() async throws {
        let site = try UploadSite(maxUploads: 3, quota: .mebibytes(8))
        try await site.application.testOnBothBackends { client async throws in
            let first = try await client.begin(4_000_000)
            _ = try await client.begin(4_000_000)
            let full = try await client.post("/files", headers: tusFields(["Upload-Length": "1000000"]))
            #expect(full.status.code == 507)
            _ = try await client.begin(1)
            let many = try await client.post("/files", headers: tusFields(["Upload-Length": "1"]))
            #expect(many.status == .serviceUnavailable && many.headers[.retryAfter] == "60")
            site.time.advance(by: 100)
            #expect(try await client.head(first, headers: tusFields()).status == .notFound)
            #expect(try await client.patch(first, headers: offsetFields("0"), body: "x").status == .notFound)
            let last = try await client.begin(4_000_000)
            #expect(try site.pending.count == 2, "those whose time is over are removed")
            _ = try await client.delete(last, headers: tusFields())
        }
    }

    @Test("N-33: finished uploads count, and the oldest of them make room for new ones")
    func finishedUploads() async throws {
        let site = try UploadSite(maxUploads: 3)
        try await site.application.testOnBothBackends { client async throws in
            let pending = try await client.begin(5)
            var finished: [String] = []
            for _ in 0..<6 {
                site.time.advance(by: 1)
                finished.append(try await client.begin(0))
                #expect(try site.pending.count { $0.hasSuffix(".json") } <= 3)
            }
            #expect(try await client.offset(pending) == "0", "an unfinished upload stays")
            for old in finished.dropLast(2) {
                #expect(try await client.head(old, headers: tusFields()).status == .notFound)
            }
            for new in finished.suffix(2) { #expect(try await client.offset(new) == "0") }
            let others = [try await client.begin(5), try await client.begin(5)]
            let many = try await client.post("/files", headers: tusFields(["Upload-Length": "0"]))
            #expect(many.status == .serviceUnavailable)
            // One that was unfinished when the folder was counted last makes room, too, once it is finished.
            let patched = try await client.patch(pending, headers: offsetFields("0"), body: "01234")
            #expect(patched.status == .noContent)
            let next = try await client.begin(5)
            #expect(try await client.head(pending, headers: tusFields()).status == .notFound)
            for path in others + [next] { _ = try await client.delete(path, headers: tusFields()) }
            #expect(try site.pending.isEmpty)
        }
    }

    @Test("N-33: the descriptions of uploads count in the quota")
    func quotaOfDescriptions() async throws {
        let site = try UploadSite(maxUploads: 100, quota: .kibibytes(32))
        try await site.application.testOnBothBackends { client async throws in
            let metadata = ["Upload-Metadata": "filename " + String(repeating: "QUJD", count: 1_000)]
            func size() throws -> Int {
                try site.pending.reduce(0) { $0 + (fileSize(site.folder.path + "/pending/" + $1) ?? 0) }
            }
            for _ in 0..<20 {
                site.time.advance(by: 1)
                _ = try await client.begin(0, metadata)
                #expect(try size() <= 32_768)
            }
            var unfinished: [String] = []
            for _ in 0..<8 { unfinished.append(try await client.begin(1, metadata)) }
            let full = try await client.post(
                "/files", headers: tusFields(metadata.merging(["Upload-Length": "1"]) { $1 }))
            #expect(full.status.code == 507)
            for path in unfinished { _ = try await client.delete(path, headers: tusFields()) }
        }
    }

    @Test("N-33: files of the application in the folder are left alone")
    func foreignFiles() async throws {
        let site = try UploadSite()
        let foreign = ["data.json", "notes.txt", "\(String(repeating: "A", count: 21)).json"]
        for name in foreign {
            #expect(
                FileManager.default.createFile(atPath: "\(site.folder.path)/pending/\(name)", contents: Data("{}".utf8))
            )
        }
        try await site.application.testOnBothBackends { client async throws in
            let path = try await client.begin(1)
            _ = try await client.delete(path, headers: tusFields())
            #expect(Set(try site.pending) == Set(foreign))
        }
    }

    @Test("N-33: an upload whose creation fails is gone, because its client does not learn where it is")
    func failingCreation() async throws {
        let site = try UploadSite(maxUploads: 2)
        try await site.application.testOnBothBackends { client async throws in
            let before = try site.pending
            var headers = offsetFields("0")
            headers[named: "Upload-Length"] = "3"
            for body in [TestBody.text("abcd"), .pieces([Array("ab".utf8), Array("cd".utf8)])] {
                let response = try await client.post("/files", headers: headers, body: body)
                #expect(response.status == .contentTooLarge && response.headers[.location] == nil)
                #expect(try site.pending == before)
            }
            site.fail(true)
            #expect(try await client.post("/files", headers: headers, body: "abc").status == .serviceUnavailable)
            #expect(try site.pending == before)
            site.fail(false)
            #expect(try await client.post("/files", headers: headers, body: "abc").status == .created)
        }
    }

    @Test("N-33: an upload whose file the application has moved before it failed is gone")
    func failingAfterMove() async throws {
        let site = try UploadSite()
        site.failLate()
        try await site.application.testOnBothBackends { client async throws in
            let path = try await client.begin(3)
            #expect(try await client.patch(path, headers: offsetFields("0"), body: "abc").status == .serviceUnavailable)
            #expect(try await client.head(path, headers: tusFields()).status == .notFound)
            #expect(try site.pending.isEmpty)
        }
    }

    @Test("N-33: where the application fails, the client may try again")
    func failingApplication() async throws {
        let site = try UploadSite()
        try await site.application.testOnBothBackends { client async throws in
            site.fail(true)
            let path = try await client.begin(3)
            #expect(try await client.patch(path, headers: offsetFields("0"), body: "abc").status == .serviceUnavailable)
            // Clients ask for the offset first, and send nothing more where the server has everything.
            #expect(try await client.head(path, headers: tusFields()).status == .serviceUnavailable)
            site.fail(false)
            #expect(try await client.offset(path) == "3")
            #expect(site.files.last.map { String(decoding: $0.bytes, as: UTF8.self) } == "abc")
            let count = site.files.count
            #expect(try await client.patch(path, headers: offsetFields("3"), body: "").status == .noContent)
            #expect(try await client.offset(path) == "3")
            #expect(site.files.count == count, "the application gets a file once")
        }
    }
}

extension HTTPFields {
    fileprivate func merging(_ more: [String: String]) -> HTTPFields {
        var merged = self
        for (name, value) in more { merged[named: name] = value }
        return merged
    }
}
