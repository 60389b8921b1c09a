import Twister

/// Static files beside those of the setting `staticPath`.
func fileRoutes(_ root: String) -> [URLSpec] {
    [
        URLSpec("/files/(.*)") { StaticFileHandler($0, root: root, defaultFilename: "index.html") },
        URLSpec("/custom/(.*)") { CustomFiles($0, root: root) },
        URLSpec(.get, "/static-url") { handler in
            let url = try handler.staticURL(
                handler.getQueryArgument("path"), includeHost: handler.hasFlag("host"))
            try handler.respond(["url": JSON(url)])
        },
    ]
}

private final class CustomFiles: StaticFileHandler {
    override func cacheTime(_ path: String) -> Duration { .seconds(60) }
    override func setExtraHeaders(_ path: String) throws { try setHeader("X-Custom", path) }
    override func contentType(_ path: String) -> String {
        path.hasSuffix(".bin") ? "text/x-twin" : super.contentType(path)
    }
}
