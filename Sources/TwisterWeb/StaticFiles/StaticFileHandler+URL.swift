import TwisterIO

extension StaticFileHandler {
    /// The URL of a file, with an argument `v` that changes whenever the file does: what is served under it may be kept for
    /// ten years. Without `v` where the file is not there. To look is a few system calls, on the caller's thread.
    ///
    ///     StaticFileHandler.makeStaticURL("app.css", root: "public")  // "/static/app.css?v=1c2-66a1b2c3-0"
    ///
    /// - Parameters:
    ///   - path: the file's path, relative to the root.
    ///   - root: the directory that the handler serves.
    ///   - prefix: what the URL's pattern has before its group.
    ///
    /// Tornado: `StaticFileHandler.make_static_url`, `RequestHandler.static_url`.
    public static func makeStaticURL(_ path: String, root: String, prefix: String = "/static/") -> String {
        let url = prefix + urlEscape(path, plus: false)
        guard let file = try? FileRoot(root).open(path), file.kind == .regular else { return url }
        return url + "?v=" + file.version
    }
}
