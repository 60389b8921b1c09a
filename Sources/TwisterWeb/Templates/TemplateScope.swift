import Mustache

/// One rendering: the values at its root, and what comes up while it runs.
final class TemplateScope {
    private let namespace: TemplateNamespace
    private let set: TemplateSet
    private let escapes: Bool
    private let stackStart = TemplateScope.stackPosition
    /// The first error. After it every name is without a value, so that the rendering soon ends.
    private(set) var failure: TemplateError?
    private let file: String
    /// The modules used so far, in order.
    private(set) var modules: [String] = []
    /// The names that no value was found for.
    private(set) var missing: Set<String> = []
    /// The objects that were asked for a function's name and did not know it, from the innermost on. The package asks all
    /// objects of its stack in that order and the root last: when the root is asked, these are the scope of the call, which
    /// the package does not hand to a function.
    private var trail: [any MustacheParent] = []

    init(_ namespace: TemplateNamespace, set: TemplateSet, name: String) {
        self.namespace = namespace
        self.set = set
        escapes = set.escapes(name)
        file = name
    }

    /// Notes an error; the first one is kept.
    func fail(_ error: any Error) {
        if failure == nil { failure = error as? TemplateError ?? TemplateError(file: file, reason: "\(error)") }
    }

    /// Whether names still have values: after an error they have none.
    ///
    /// Partials that include themselves for data without an end would use up the stack, so that it is watched here.
    var isAlive: Bool {
        if failure == nil, stackStart &- Self.stackPosition < UInt.max / 2,
            stackStart &- Self.stackPosition > Self.mostStack
        {
            fail(TemplateError(file: file, reason: "partials include each other without an end"))
        }
        return failure == nil
    }

    /// The most octets of the stack that a rendering may use: a quarter of what a thread has on Linux by default.
    private static let mostStack: UInt = 2 << 20

    /// About where the stack ends now. It grows towards lower addresses.
    @inline(never)
    private static var stackPosition: UInt {
        var local: UInt8 = 0
        return withUnsafeMutablePointer(to: &local) { UInt(bitPattern: $0) }
    }

    /// Notes that an object of the stack does not know a name.
    func pass(_ name: String, by object: any MustacheParent) {
        if function(name) != nil || name == "module" { trail.append(object) }
    }

    /// Notes that an object of the stack knows the name that is looked up.
    func endTrail() {
        if !trail.isEmpty { trail = [] }
    }

    func function(_ name: String) -> TemplateFunction? { namespace.functions[name] }

    /// Notes a transform that a value does not have: an error in development, and otherwise no value.
    func unknown(transform name: String) -> Any? {
        if set.options.reloads {
            fail(TemplateError(file: file, reason: "there is no function or transform \"\(name)\" for the value"))
        }
        return nil
    }

    func use(module: String) {
        if !modules.contains(module) { modules.append(module) }
    }
}

// MARK: The root of the package's stack

extension TemplateScope: MustacheParent {
    func child(named name: String) -> Any? {
        let inner = TemplateTrail(objects: trail, root: self)
        trail = []
        guard isAlive else { return nil }
        if let value = namespace.values[name] ?? namespace.lazyValues[name]?() { return templateValue(value, self) }
        if let function = function(name) {
            return MustacheLambda { [self] in call(function, text: $0, in: inner) }
        }
        switch name {
        case UIModule.marker: return ModuleUse(scope: self)
        case "module": return MustacheLambda { [self] in render(module: $0, in: inner) }
        default:
            missing.insert(name)
            return nil
        }
    }

    /// Calls a function with the text of its section; a call without a section has no text. The package takes a result that
    /// is a `String` for a template, so that it never is one.
    private func call(_ function: TemplateFunction, text: String, in trail: TemplateTrail) -> Any? {
        guard isAlive else { return nil }
        do {
            let result: String
            switch function.form {
            case .text(let body): result = try body(render(text: text, in: trail))
            case .words(let body): result = try body(words(of: text).map { try render(text: $0, in: trail) })
            case .message(let body):
                return RenderedText(try render(text: body(text), in: trail, escapes: escapes))
            }
            // Without a section, `{{name}}` or `{{{name}}}` decides.
            return RenderedText(text.isEmpty || function.isMarkup || !escapes ? result : xhtmlEscape(result))
        } catch {
            fail(error)
            return nil
        }
    }

    private func render(module text: String, in trail: TemplateTrail) -> Any? {
        guard isAlive else { return nil }
        do {
            let words = try words(of: text).map { try render(text: $0, in: trail) }
            let name = words.first ?? ""
            guard let module = set.modules[name], let template = set.template(module.templateName) else {
                throw TemplateError(file: file, reason: "there is no module named \"\(name)\"")
            }
            let values = TemplateValue(value: module.values(Array(words.dropFirst())), scope: self)
            let inner = TemplateTrail(objects: [values] + trail.objects, root: self)
            return RenderedText(template.render(inner, library: set.library))
        } catch {
            fail(error)
            return nil
        }
    }

    /// The text with its tags replaced.
    private func render(text: String, in trail: TemplateTrail, escapes: Bool = false) throws -> String {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        let template = try set.compile(text: text, escapes: escapes)
        return template.render(trail, library: set.library)
    }

    /// The words between blanks outside of tags.
    private func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var depth = 0
        for character in text {
            if character == "{" { depth += 1 }
            if character == "}" { depth -= 1 }
            if depth <= 0, character.isWhitespace {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}

/// Text that goes into the output as it is.
private struct RenderedText: CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
}

/// The root and the values around the place of a call, as one object.
struct TemplateTrail: MustacheParent, MustacheCustomRenderable, MustacheTransformable {
    let objects: [any MustacheParent]
    let root: TemplateScope

    func child(named name: String) -> Any? {
        for object in objects {
            if let child = object.child(named: name) { return child }
        }
        return root.child(named: name)
    }

    /// `{{.}}` is the innermost value.
    var renderText: String { (objects.first as? any MustacheCustomRenderable)?.renderText ?? "" }
    var isNull: Bool { false }
    func transform(_ name: String) -> Any? { (objects.first as? any MustacheTransformable)?.transform(name) }
}

/// Notes the modules that are rendered, however they were included.
struct ModuleUse: MustacheParent {
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        scope.use(module: name)
        return false
    }
}
