import Mustache
import TwisterCodec

/// One template before it is compiled.
struct TemplateText {
    /// Where it comes from: for error messages, and to tell text from HTML by the extension.
    var file: String
    var text: String

    /// The names by which other templates and handlers know it: HTML with and without its extension, text with it.
    var names: [String] {
        for suffix in [".html", ".mustache"] where file.hasSuffix(suffix) {
            return [String(file.dropLast(suffix.count)), file]
        }
        return [file]
    }

    /// Whether its values are escaped for HTML.
    func escapes(_ options: TemplateOptions) -> Bool { options.autoescape && !file.hasSuffix(".txt") }

    /// The compiled template and its tags.
    ///
    /// - Throws: `TemplateError`, with the line as it is in the file.
    func compile(_ options: TemplateOptions, module: String?) throws(TemplateError) -> (
        MustacheTemplate, TemplateSource
    ) {
        let source = try TemplateSource(text, file: file)
        var head = "{{% CONTENT_TYPE:\(escapes(options) ? EscapedHTML.name : "TEXT")}}\n"
        // The two lines note that the module is used, and leave nothing in the output.
        if let module { head += "{{#\(UIModule.marker).\(module)}}\n \n{{/\(UIModule.marker).\(module)}}\n" }
        // The text as it is gives the right line for an error; white space is filtered after that.
        let plain = try compile(head: head, source.text(.all), source)
        guard options.whitespace != .all else { return (plain, source) }
        return (try compile(head: head, source.text(options.whitespace), source), source)
    }

    private func compile(
        head: String, _ text: String, _ source: TemplateSource
    ) throws(TemplateError) -> MustacheTemplate {
        EscapedHTML.register
        do {
            return try MustacheTemplate(string: head + text)
        } catch let error as MustacheTemplate.ParserError {
            if let error = Self.isOfSections(error.error) ? source.sectionError(file: file) : nil { throw error }
            let line = error.context.lineNumber - head.utf8.count { $0 == UInt8(ascii: "\n") }
            throw TemplateError(file: file, line: max(line, 1), reason: Self.reason(error.error))
        } catch {
            throw TemplateError(file: file, reason: "\(error)")
        }
    }

    private static func isOfSections(_ error: any Error) -> Bool {
        switch error as? MustacheTemplate.Error {
        case .sectionCloseNameIncorrect, .expectedSectionEnd: true
        default: false
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? MustacheTemplate.Error {
        case .sectionCloseNameIncorrect: "a section is closed that is not open"
        case .unfinishedName: "a tag has no end, or its name has a character that is not allowed"
        case .expectedSectionEnd: "a section is not closed"
        case .invalidSetDelimiter: "the delimiters cannot be read"
        case .transformAppliedToInheritanceSection: "a block has a name only, no transform"
        case .illegalTokenInsideInheritSection, .textInsideInheritSection: "only blocks may stand in a parent"
        case .invalidConfigVariableSyntax, .unrecognisedConfigVariable: "the pragma is not known"
        case nil: "a tag has no end"
        }
    }
}

extension TemplateSource {
    /// The first mistake in the order of sections and their ends, with both tags: the compiler does not tell their names.
    fileprivate func sectionError(file: String) -> TemplateError? {
        var open: [Tag] = []
        for tag in tags {
            switch tag.kind {
            case .section, .inverted, .block, .parent: open.append(tag)
            case .end:
                guard let begin = open.popLast() else {
                    return TemplateError(
                        file: file, line: tag.line, reason: "\(tag.text) ends a section that is not open")
                }
                guard begin.name == tag.name else {
                    return TemplateError(
                        file: file, line: tag.line,
                        reason: "\(tag.text) does not end \(begin.text), which is open since line \(begin.line)")
                }
            case .variable, .partial, .pragma, .other: break
            }
        }
        return open.last.map { begin in
            TemplateError(file: file, line: begin.line, reason: "\(begin.text) is not closed")
        }
    }

    /// The text for the compiler: with filtered white space, and with this library's escaping for HTML.
    fileprivate func text(_ whitespace: TemplateWhitespace) -> String {
        pieces.map { piece in
            switch piece {
            case .text(let text): whitespace.filter(text)
            case .tag(let tag) where tag.kind == .pragma && tag.name == "CONTENT_TYPE:HTML":
                String(tag.text.prefix(2)) + "% CONTENT_TYPE:\(EscapedHTML.name)" + tag.text.suffix(2)
            case .tag(let tag): String(tag.text)
            }
        }.joined()
    }
}

/// The escaping of every value in HTML.
///
/// The package's own compares characters, and so lets a quote pass that a combining character follows: the attribute around
/// it would end there.
struct EscapedHTML: MustacheContentType {
    static let name = "TWISTER_HTML"

    /// The package finds content types by a name in a table of the process.
    static let register: Void = MustacheContentTypes.register(EscapedHTML(), named: name)

    func escapeText(_ text: String) -> String { text.escapedForHTML }
}
