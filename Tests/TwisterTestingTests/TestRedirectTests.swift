import HTTPTypes
import Testing
import TwisterTesting

@Suite("TestClient: redirects")
struct TestRedirectTests {
    @Test("X-76: redirects are followed only when asked, with the methods of RFC 9110", arguments: Setting.all)
    func redirects(setting: Setting) async throws {
        try await makeApplication().test(setting.depth, configuration: setting.configuration()) { client in
            #expect(try await client.get("/hop", query: ["to": "/echo"]).status == .found)
            var following = client
            following.followsRedirects = true
            #expect(try await following.get("/hop", query: ["to": "/echo?a=b#c"]).text.hasPrefix("GET /echo?a=b "))
            #expect(try await following.get("/hop", query: ["to": "x/../echo/./z"]).text.hasPrefix("GET /echo/z "))
            for (status, method) in [("302", "GET"), ("303", "GET"), ("307", "POST"), ("308", "POST")] {
                let response = try await following.post(
                    "/hop", query: ["to": "/echo", "status": status], json: ["a"])
                #expect(response.text.hasPrefix("\(method) /echo"), "\(status)")
                #expect(response.text.contains(#"["a"]"#) == (method == "POST"))
            }
            await #expect(throws: TestClientError.redirectElsewhere("http://example.org/")) {
                try await following.get("/hop", query: ["to": "http://example.org/"])
            }
            following.maxRedirects = 0
            await #expect(throws: TestClientError.tooManyRedirects(limit: 0)) {
                try await following.get("/hop", query: ["to": "/echo"])
            }
        }
    }
}
