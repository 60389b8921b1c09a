import Mustache
import Synchronization

/// The templates of an application, in the language mustache: compiled at the start, shared by all loops.
///
/// `{{name}}` shows a value, escaped for HTML; `{{{name}}}` shows it as it is. `{{#name}}...{{/name}}` is rendered for each
/// element of a list, or if there is a value, and `{{^name}}...{{/name}}` if there is none. `{{> page/part}}` includes a
/// template, and `{{<layout}}{{$title}}...{{/title}}{{/layout}}` fills the blocks of one. Transforms are written as
/// `{{plusone(index())}}`, functions as `TemplateFunction` describes.
///
/// Tornado: `template.Loader`, `template.DictLoader`.
public final class TemplateLibrary: Sendable {
    private struct State {
        var set: TemplateSet
        var stamps: [String: TemplateFolder.Stamp]
        /// Why the files as they are now cannot be used. Rendering fails until they are corrected.
        var failure: TemplateError?
    }

    /// How the templates are compiled and rendered.
    public let options: TemplateOptions
    private let modules: [UIModule]
    private let folder: TemplateFolder?
    private let state: Mutex<State>

    /// Compiles the files of a folder and the folders in it whose names end in `.html`, `.mustache` or `.txt`. A template is
    /// named by its path in the folder, without `.html` or `.mustache` (`sub/page`) or with it.
    ///
    /// - Throws: `TemplateError` for the first template that cannot be used: malformed, or with a partial or parent that does
    ///   not exist.
    public init(folder: String, modules: [UIModule] = [], options: TemplateOptions = .init()) throws(TemplateError) {
        let folder = TemplateFolder(path: folder)
        self.options = options
        self.modules = modules
        self.folder = folder
        // The stamps are taken first: a file that is written meanwhile is read again.
        let stamps = try folder.stamps()
        let set = try TemplateSet(folder.texts(), modules: modules, options: options)
        state = Mutex(State(set: set, stamps: stamps))
    }

    /// Compiles templates that are given by name.
    ///
    /// - Throws: `TemplateError`, as for a folder.
    public init(
        templates: [String: String], modules: [UIModule] = [], options: TemplateOptions = .init()
    ) throws(TemplateError) {
        self.options = options
        self.modules = modules
        folder = nil
        let texts = templates.sorted { $0.key < $1.key }.map { TemplateText(file: $0.key, text: $0.value) }
        state = Mutex(State(set: try TemplateSet(texts, modules: modules, options: options), stamps: [:]))
    }

    /// The output of a template.
    ///
    /// - Throws: `TemplateError` if there is no such template, if a function of the namespace throws, or, with `reloads`, if
    ///   a value is shown that does not exist or a file has become unusable.
    ///
    /// Tornado: `render_string`.
    public func renderString(_ name: String, _ namespace: TemplateNamespace = .init()) throws(TemplateError) -> String {
        try render(name, namespace).html
    }

    /// The output of a template together with the modules that it uses.
    ///
    /// - Throws: `TemplateError`, as `renderString`.
    public func render(_ name: String, _ namespace: TemplateNamespace = .init()) throws(TemplateError) -> RenderedPage {
        let set = try current()
        guard let template = set.template(name) else {
            throw TemplateError(file: name, reason: "there is no template named \"\(name)\"")
        }
        let scope = TemplateScope(namespace, set: set, name: name)
        let html = template.render(scope, library: set.library)
        if let failure = scope.failure { throw failure }
        if options.reloads, let place = set.place(of: scope.missing) {
            throw TemplateError(file: place.file, line: place.line, reason: "there is no value named \"\(place.name)\"")
        }
        return RenderedPage(html: html, modules: scope.modules.compactMap { set.modules[$0] })
    }

    /// The templates to use now.
    private func current() throws(TemplateError) -> TemplateSet {
        guard options.reloads, let folder else { return state.withLock { $0.set } }
        let stamps = try folder.stamps()
        let result = state.withLock { state -> Result<TemplateSet, TemplateError> in
            if stamps != state.stamps {
                state.stamps = stamps
                do throws(TemplateError) {
                    state.set = try TemplateSet(folder.texts(), modules: modules, options: options)
                    state.failure = nil
                } catch {
                    state.failure = error
                }
            }
            return state.failure.map { .failure($0) } ?? .success(state.set)
        }
        return try result.get()
    }
}
