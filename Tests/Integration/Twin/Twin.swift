import Twister

/// The twin of `twin_app.py`, a Tornado application: the same routes with the same responses. `twin.py` sends both the same
/// requests and reports where they differ.
@main
struct Twin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "twin", abstract: "The twin of a Tornado application, see twin_app.py.")

    @Option(help: "The address to listen on.")
    var address = "127.0.0.1"

    @Option(help: "The port to listen on.")
    var port: UInt16 = 8888

    @Option(help: "The backend: auto, io_uring or epoll.")
    var backend: IOBackend?

    @Option(help: "Where to write the static files. (default: a temporary folder, removed at the end)")
    var folder: String?

    func run() throws {
        let files = try folder.map { try Folder($0) } ?? Folder.temporary()
        defer { if folder == nil { files.remove() } }
        var server = ServerConfiguration(addresses: [.tcp(address, port)], backend: backend)
        server.http.decompressRequest = true
        // The limit of bodies is enough: nothing that deflate can do to a body is refused before.
        server.http.maxInflateRatio = 1100
        // A query may have 20,000 arguments.
        server.http.maxRequestLineSize = 65_536
        try application(files).run(server)
    }

    private func application(_ files: Folder) throws -> Application {
        let notes = Notes()
        let templates = try TemplateLibrary(templates: pageTemplates)
        let applications = [
            URLSpec("/xsrf/.*", try xsrfApplication(templates)),
            URLSpec("/origin/.*", try originApplication()),
            URLSpec("/rotate/.*", try rotateApplication()),
            URLSpec("/inner/.*", try innerApplication()),
            URLSpec("/upper/.*", try upperApplication()),
            URLSpec("/gz/.*", try compressionApplication(files.root)),
        ]
        return try Application(
            [
                writingRoutes, headerRoutes, errorRoutes, pathRoutes, methodRoutes, hookRoutes(notes), notes.routes,
                argumentRoutes, cookieRoutes, loginRoutes, redirectRoutes, eTagRoutes(notes), fileRoutes(files.root),
                uploadRoutes, pageRoutes, socketRoutes(notes), applications,
            ], settings: settings(files, templates))
    }

    private func settings(_ files: Folder, _ templates: TemplateLibrary) throws -> Application.Settings {
        Application.Settings(
            automaticETags: true, loginURL: "/login", maxFormParts: 1500, maxArguments: 20_000,
            cookieSecret: "twin-cookie-secret-0123456789abcdef", templates: templates,
            translations: try Translations(folder: files.locale), staticPath: files.root)
    }
}
