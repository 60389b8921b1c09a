import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

private struct Renaming: Decodable {
    let name: FileName
}

@Suite("Names of files in paths") struct FileNameTests {
    @Test(
        "X-41: a text that leads out of a folder, or that no file is named, is no file name",
        arguments: [
            "", ".", "..", "/", "a/b", "../x", "/etc/passwd", "a\\b", "..\\x", "a\0", "\0", "a\nb", "a\rb", "\u{7f}",
            "\u{85}",
            String(repeating: "a", count: 256), String(repeating: "\u{e4}", count: 128),
        ])
    func refused(text: String) {
        #expect(FileName(rawValue: text) == nil)
        #expect(FileName(pathArgument: text) == nil)
        #expect(FileName(rawValue: FileName(sanitizing: text).rawValue) != nil)
    }

    @Test(
        "X-41: other texts are",
        arguments: [
            "a", "a.txt", "...", "..a", ".bashrc", "a b", "\u{20ac}.pdf", "%2F", "~",
            String(repeating: "a", count: 255),
            String(repeating: "\u{e4}", count: 127),
        ])
    func accepted(text: String) {
        #expect(FileName(rawValue: text)?.rawValue == text)
        #expect(FileName(pathArgument: text).map { "\($0)" } == text)
        #expect(FileName(rawValue: text)?.pathArgument == text)
    }

    @Test("X-41: the name of an upload becomes a file name")
    func sanitized() {
        #expect(FileName(sanitizing: "../../etc/passwd").rawValue == "passwd")
        #expect(FileName(sanitizing: "").rawValue == "file")
    }

    @Test("RT-11: a path whose argument leads out of a folder is 404", arguments: TestDepth.allCases)
    func path(depth: TestDepth) async throws {
        let application = try Application([
            URLSpec(.delete, "/files/([^/]+)") { (_, name: FileName) in "folder/\(name)" },
            URLSpec(.delete, "/all/(.*)") { (_, name: FileName) in "folder/\(name)" },
        ])
        try await application.test(depth) { client async throws in
            #expect(try await client.delete("/files/a%20b.txt").text == "folder/a b.txt")
            #expect(try await client.delete("/files/..a").text == "folder/..a")
            for path in [
                "/files/..%2Fx", "/files/%2e%2e", "/files/..%5cx", "/files/%2Fetc%2Fpasswd", "/files/a%00",
                "/files/a%0Ab",
                "/all/../x", "/all/", "/all/a/b", "/all/%2e", "/files/" + String(repeating: "a", count: 256),
            ] {
                #expect(try await client.delete(path).status == .notFound, "\(path)")
            }
        }
    }

    @Test("X-41: a body whose file name is none is refused", arguments: TestDepth.allCases)
    func body(depth: TestDepth) async throws {
        let application = try Application([
            URLSpec(.post, "/") { handler in "\(try handler.decodeBody(Renaming.self).name)" }
        ])
        try await application.test(depth) { client async throws in
            #expect(try await client.post("/", form: ["name": "a.txt"]).text == "a.txt")
            let form = try await client.post("/", form: ["name": "../a"])
            let json = try await client.post("/", json: ["name": "../a"])
            #expect(form.status == .unprocessableContent && json.status == .unprocessableContent)
        }
    }
}
