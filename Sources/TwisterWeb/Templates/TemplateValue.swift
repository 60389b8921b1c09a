import Mustache

/// The value as the package's stack takes it: Booleans as they are, all others wrapped, so that functions and names are looked
/// up here and nothing in a value can trap.
func templateValue(_ value: Any, _ scope: TemplateScope) -> Any {
    switch value {
    case let value as Bool: return value
    case let value as String: return TemplateValue(value: value, scope: scope)
    case let values as [Any]: return TemplateList(values: values, scope: scope)
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
        guard let some = mirror.children.first?.value else { return TemplateValue(value: nil, scope: scope) }
        return templateValue(some, scope)
    case .collection, .set: return TemplateList(values: mirror.children.map(\.value), scope: scope)
    default: return TemplateValue(value: value, scope: scope)
    }
}

/// A value that is neither a Boolean nor a list. Nil is one that no section is rendered for.
struct TemplateValue: MustacheParent, MustacheCustomRenderable, MustacheTransformable {
    let value: Any?
    let scope: TemplateScope

    var isNull: Bool { value == nil }
    var renderText: String { value.map { String(describing: $0) } ?? "" }

    func child(named name: String) -> Any? {
        guard scope.isAlive else { return nil }
        if let child = member(name) {
            scope.endTrail()
            return templateValue(child, scope)
        }
        scope.pass(name, by: self)
        return nil
    }

    /// The value for a key, or the stored property of that name.
    private func member(_ name: String) -> Any? {
        guard let value, !(value is String) else { return nil }
        if let values = value as? [String: Any] { return values[name] }
        var mirror = Mirror(reflecting: value) as Mirror?
        while let current = mirror {
            if let child = current.children.first(where: { $0.label == name }) { return child.value }
            mirror = current.superclassMirror
        }
        return nil
    }

    func transform(_ name: String) -> Any? {
        guard let value else { return name == "empty" ? true : self }
        if name == "json_encode" { return TemplateValue(value: templateJSON(value), scope: scope) }
        if let function = scope.function(name) { return call(function, [renderText], scope) }
        if let number = value as? any FixedWidthInteger, name == "plusone" || name == "minusone" {
            return TemplateValue(value: step(number, up: name == "plusone"), scope: scope)
        }
        if let known = value as? any MustacheTransformable, let result = known.transform(name) {
            return templateValue(result, scope)
        }
        return scope.unknown(transform: name)
    }
}

/// A list: an array, a set, or another collection.
struct TemplateList: MustacheSequence, MustacheParent, MustacheTransformable, MustacheCustomRenderable {
    let values: [Any]
    let scope: TemplateScope

    func makeIterator() -> AnyIterator<Any> {
        var elements = (scope.isAlive ? values : []).makeIterator()
        return AnyIterator { [scope] in elements.next().map { templateValue($0, scope) } }
    }

    var isNull: Bool { false }
    var renderText: String { "\(values)" }

    /// A list has no members, but an empty one is on the stack within its inverted section.
    func child(named name: String) -> Any? {
        scope.pass(name, by: self)
        return nil
    }

    func transform(_ name: String) -> Any? {
        switch name {
        case "first": return values.first.map { templateValue($0, scope) }
        case "last": return values.last.map { templateValue($0, scope) }
        case "count": return TemplateValue(value: values.count, scope: scope)
        case "empty": return values.isEmpty
        case "reversed": return TemplateList(values: values.reversed(), scope: scope)
        case "json_encode": return TemplateValue(value: templateJSON(values), scope: scope)
        case "sorted": return sorted.map { TemplateList(values: $0, scope: scope) } ?? scope.unknown(transform: name)
        default:
            guard let function = scope.function(name) else { return scope.unknown(transform: name) }
            return call(function, values.map { String(describing: $0) }, scope)
        }
    }
}

extension TemplateList {
    /// The elements in order; nil if they are not all texts or all numbers.
    private var sorted: [Any]? {
        if let texts = values as? [String] { return texts.sorted() }
        if let numbers = values as? [Int] { return numbers.sorted() }
        return (values as? [Double])?.sorted()
    }
}

/// The result of a function for values, to be escaped as any other value.
private func call(_ function: TemplateFunction, _ arguments: [String], _ scope: TemplateScope) -> Any? {
    do {
        return TemplateValue(value: try function.call(arguments), scope: scope)
    } catch {
        scope.fail(error)
        return nil
    }
}

/// The next number, or the same where the type has none.
private func step<Number: FixedWidthInteger>(_ number: Number, up: Bool) -> Number {
    let (next, overflows) = up ? number.addingReportingOverflow(1) : number.subtractingReportingOverflow(1)
    return overflows ? number : next
}
