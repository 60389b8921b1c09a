import Twister

/// Entity tags and the conditions of requests.
func eTagRoutes(_ notes: Notes) -> [URLSpec] {
    RouteGroup("/etag") {
        URLSpec(.get, "/auto") { $0.write(try $0.getQueryArgument("body")) }
        URLSpec(.post, "/auto") { $0.write("posted") }
        URLSpec("/own", Tagged.self, (text: "own", tag: "fixed-tag"))
        URLSpec("/weak", Tagged.self, (text: "weak", tag: "W/\"weak-tag\""))
        URLSpec("/none", Tagged.self, (text: "none", tag: nil))
        URLSpec("/fields", TaggedWithFields.self, (text: "fields", tag: "f-1"))
        URLSpec("/early", EarlyTagged.self, notes)
    }.routes
}

private class Tagged: RequestHandlerWith<(text: String, tag: String?)> {
    override func computeETag() -> String? { state.tag }
    override func get() async throws { write(state.text) }
}

private final class TaggedWithFields: Tagged {
    override func get() async throws {
        try setHeader(.cacheControl, "max-age=60")
        try setHeader(.vary, "Cookie")
        try setHeader(.contentLocation, "/etag/fields")
        try setHeader(.expires, "Wed, 01 Jan 2031 00:00:00 GMT")
        try setHeader(.contentLanguage, "en")
        try await super.get()
    }
}

/// Checks the tag before it makes the body, and notes that it makes one.
private final class EarlyTagged: RequestHandlerWith<Notes> {
    override func computeETag() -> String? { "early-1" }

    override func get() async throws {
        try setETagHeader()
        if checkETagHeader() { return setStatus(.notModified) }
        state.add("made", for: try getQueryArgument("key"))
        write("early")
    }
}
