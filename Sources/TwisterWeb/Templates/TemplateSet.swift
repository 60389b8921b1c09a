import Mustache
import Synchronization

/// Templates that are compiled and checked together.
struct TemplateSet: Sendable {
    private(set) var library = MustacheLibrary()
    private(set) var modules: [String: UIModule] = [:]
    /// Where a name is shown as a value, and not only asked for by a section: without a value it is an error in development.
    private var shown: [String: (file: String, line: Int)] = [:]
    private var sections: Set<String> = []
    private var unescaped: Set<String> = []
    let options: TemplateOptions
    private let texts = CompiledTexts()

    /// Compiles the templates and the modules.
    ///
    /// - Throws: `TemplateError` for a template that is malformed, for a partial or parent that does not exist, for templates
    ///   that include each other without a condition, and for two templates or modules of one name.
    init(_ texts: [TemplateText], modules: [UIModule], options: TemplateOptions) throws(TemplateError) {
        self.options = options
        var sources: [String: TemplateSource] = [:]
        for text in texts { try add(text, module: nil, to: &sources) }
        for module in modules {
            guard !module.name.isEmpty, module.name.utf8.allSatisfy({ Self.isNameByte($0) }) else {
                throw TemplateError(file: module.name, reason: "a module's name has letters, digits and _ only")
            }
            self.modules[module.name] = module
            try add(TemplateText(file: module.templateName, text: module.template), module: module.name, to: &sources)
        }
        var graph = InclusionGraph()
        for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
            for tag in source.tags { try check(tag, of: name, &graph) }
        }
        if let (file, line) = graph.cycle() {
            throw TemplateError(file: file, line: line, reason: "the template includes itself without a condition")
        }
        for name in sections { shown[name] = nil }
    }

    /// Where a value is shown that does not exist; nil if none of the names is.
    func place(of missing: Set<String>) -> (name: String, file: String, line: Int)? {
        missing.compactMap { name in shown[name].map { (name, $0.file, $0.line) } }.min { ($0.1, $0.2) < ($1.1, $1.2) }
    }

    func template(_ name: String) -> MustacheTemplate? { library.getTemplate(named: name) }

    /// Whether values are escaped in a template.
    func escapes(_ name: String) -> Bool { !unescaped.contains(name) }

    /// The template of a text that has tags, such as a function's argument.
    func compile(text: String, escapes: Bool) throws -> MustacheTemplate { try texts.compile(text, escapes: escapes) }

    private mutating func add(
        _ text: TemplateText, module: String?, to sources: inout [String: TemplateSource]
    ) throws(TemplateError) {
        let (template, source) = try text.compile(options, module: module)
        sources[text.file] = source
        for name in Set(text.names) {
            guard library.getTemplate(named: name) == nil else {
                throw TemplateError(file: text.file, reason: "there is another template named \"\(name)\"")
            }
            library.register(template, named: name)
            if !text.escapes(options) { unescaped.insert(name) }
        }
    }

    private mutating func check(_ tag: TemplateSource.Tag, of file: String, _ graph: inout InclusionGraph)
        throws(TemplateError)
    {
        switch tag.kind {
        case .variable where shown[tag.root] == nil: shown[tag.root] = (file, tag.line)
        case .section, .inverted: sections.insert(tag.root)
        case .partial, .parent:
            guard !tag.name.hasPrefix("*") else { return }
            guard library.getTemplate(named: tag.name) != nil else {
                throw TemplateError(file: file, line: tag.line, reason: "there is no template named \"\(tag.name)\"")
            }
            if !tag.isConditional { graph.add(from: file, to: tag.name, line: tag.line) }
        default: break
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// The texts in function calls and translations, each compiled once. All loops share them.
private final class CompiledTexts: Sendable {
    /// Far more than an application's templates have; what they are made of at run time starts the table anew.
    private static let most = 4_096

    private let known = Mutex<[String: MustacheTemplate]>([:])

    func compile(_ text: String, escapes: Bool) throws -> MustacheTemplate {
        let text = "{{% CONTENT_TYPE:\(escapes ? EscapedHTML.name : "TEXT")}}" + text
        if let template = known.withLock({ $0[text] }) { return template }
        let template = try MustacheTemplate(string: text)
        known.withLock { known in
            if known.count >= Self.most { known = [:] }
            known[text] = template
        }
        return template
    }
}
