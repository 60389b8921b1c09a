import Synchronization

/// What the handlers of an application share: its settings, and the names of its routes. Handlers know it as `application`; the
/// application itself, which knows all handlers, stands above them.
///
/// Immutable, and shared by the handlers of all loops.
public final class ApplicationServices: Sendable {
    /// The settings that the application was made with.
    public let settings: ApplicationSettings
    /// The templates of the settings `templatePath` or `templates`.
    public let templates: TemplateLibrary?
    private let patterns: [String: URLPattern]
    /// Versions of static files by their paths. Tornado: `StaticFileHandler._static_hashes`.
    private let staticURLs = Mutex<[String: String]>([:])

    init(_ settings: ApplicationSettings, named patterns: [String: URLPattern]) throws(TemplateError) {
        self.settings = settings
        self.patterns = patterns
        if let known = settings.templates {
            templates = known
        } else if let folder = settings.templatePath {
            templates = try TemplateLibrary(
                folder: folder, modules: settings.uiModules, options: TemplateOptions(reloads: settings.debug))
        } else {
            templates = nil
        }
    }

    /// The URL of a file of the setting `staticPath`, with its version. The version is computed once or, under `debug`, at each
    /// call (Tornado: `static_hash_cache`).
    func staticURL(_ path: String, root: String) -> String {
        if !settings.debug, let known = staticURLs.withLock({ $0[path] }) { return known }
        let url = StaticFiles.url(path, root: root, prefix: settings.staticURLPrefix)
        // Paths come from templates and handlers. The number of entries is limited, in case handlers make paths from requests.
        staticURLs.withLock { if $0.count < 10_000 { $0[path] = url } }
        return url
    }

    /// A path that the route called `name` serves with these arguments.
    ///
    /// - Throws: `URLReverseError` if there is no such route, or its pattern does not allow it.
    ///
    /// Tornado: `Application.reverse_url`.
    public func reverseURL(_ name: String, _ arguments: any CustomStringConvertible...) throws(URLReverseError)
        -> String
    {
        try reverseURL(name, arguments: arguments)
    }

    /// The same with the arguments in an array, for functions that pass them on.
    public func reverseURL(_ name: String, arguments: [any CustomStringConvertible]) throws(URLReverseError) -> String {
        guard let pattern = patterns[name] else { throw .noSuchName(name) }
        return try pattern.reverse(arguments: arguments.map(\.description))
    }

    /// A path that the route of that name serves with these arguments, whose types the compiler checks.
    public func reverseURL<each Argument: PathValue>(
        _ name: RouteName<repeat each Argument>, _ arguments: repeat each Argument
    ) throws(URLReverseError) -> String {
        var texts: [String] = []
        for argument in repeat each arguments { texts.append(argument.pathArgument) }
        return try reverseURL(name.text, arguments: texts)
    }
}

/// The name of a route together with the types of its path's arguments, so that a URL is never made from wrong ones.
///
///     enum Names {
///         static let entry = RouteName<Int>("entry")
///     }
///
///     URLSpec(.get, "/entry/([0-9]+)") { (_, id: Int) in … }.named(Names.entry)
///     try handler.reverseURL(Names.entry, 7)                               // "/entry/7"
public struct RouteName<each Argument: PathValue>: Sendable {
    /// The name, as `URLSpec` has it.
    public let text: String

    public init(_ text: String) { self.text = text }

    /// How many arguments the path takes.
    var arity: Int {
        var count = 0
        for _ in repeat (each Argument).self { count += 1 }
        return count
    }
}

/// The name of a route whose path takes no arguments.
///
///     static let home = PlainRouteName("home")
public typealias PlainRouteName = RouteName<>
