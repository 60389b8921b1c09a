import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: static files of the application")
struct StaticRowsTests {
    @Test("SET-18, SET-19, SET-20, RH-42: files of the setting staticPath, and their URLs", arguments: Setting.each)
    func staticPath(setting: Setting) async throws {
        let folder = try TemporaryFiles()
        try folder.write("body {}", at: "a.css")
        try folder.write("no", at: "robots.txt")
        try folder.write("icon", at: "favicon.ico")
        let routes: [any Routes] = [
            URLSpec(.get, "/url") { handler in
                try "\(handler.staticURL("a.css")) \(handler.staticURL("a.css", includeHost: true))"
            },
            URLSpec(.get, "/missing") { handler in try handler.staticURL("none.css") },
        ]
        for prefix in ["/static/", "/files/"] {
            let settings = ApplicationSettings(staticPath: folder.root, staticURLPrefix: prefix)
            try await withRoutes(setting, routes, settings: settings) { client async throws in
                #expect(try await client.get("\(prefix)a.css").text == "body {}")
                #expect(try await client.get("/robots.txt").text == "no")
                #expect(try await client.get("/favicon.ico").text == "icon")
                let urls = try await client.get("/url").text.split(separator: " ")
                #expect(urls[0].hasPrefix("\(prefix)a.css?v="))
                #expect(urls[1].hasPrefix("http://") && urls[1].hasSuffix(urls[0]))
                let versioned = try await client.get(String(urls[0]))
                #expect(versioned.text == "body {}")
                #expect(versioned.headers[.cacheControl]?.contains("max-age=") == true)
                // The version is found out once.
                try folder.write("body { color: red }", at: "a.css")
                #expect(try await client.get("/url").text.split(separator: " ")[0] == urls[0])
                try folder.write("body {}", at: "a.css")
                #expect(try await client.get("/missing").text == "\(prefix)none.css")
            }
        }
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/url").status == .internalServerError)
            #expect(try await client.get("/static/a.css").status == .notFound)
        }
    }

    private final class Shouting: StaticFileHandler {
        override func setExtraHeaders(_ path: String) throws { try setHeader(.server, "mine") }
    }

    @Test("SET-21: files by a handler class of the application's own", arguments: Setting.each)
    func ownClass(setting: Setting) async throws {
        let folder = try TemporaryFiles()
        try folder.write("hello", at: "d/index.html")
        let root = folder.root
        let routes: [any Routes] = [
            URLSpec("/own/(.*)") { Shouting($0, root: root, defaultFilename: "index.html") }
        ]
        try await withRoutes(setting, routes) { client async throws in
            let response = try await client.get("/own/d/")
            #expect(response.text == "hello" && response.headers[.server] == "mine")
        }
    }
}
