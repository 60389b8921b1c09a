import Foundation
import Twister

/// The form for a new entry, or for one that is changed, and what it sends.
final class Compose: FormHandler {
    override func get() async throws {
        let entry = try await entryToChange()
        try render("compose", ["entry": entry?.values ?? ["title": "", "text": ""] as [String: Any]])
    }

    override func post() async throws {
        let author = try await currentAuthor()
        let entry = try await entryToChange()
        let draft = try await readDraft(savesPicture: true)
        let saved =
            if let entry { try await state.change(entry, draft) } else { try await state.add(draft, by: author.id) }
        try showNext(entry == nil ? "The entry is published." : "The entry is changed.")
        try redirect(try reverseURL("entry", saved.slug))
    }

    private func entryToChange() async throws -> Entry? {
        guard let id = pathArguments[0] else { return nil }
        guard let number = Int64(id), let entry = try await state.entry(number) else { throw HTTPError(.notFound) }
        return entry
    }
}

/// Shows what the form for an entry would publish, without its picture.
final class Preview: FormHandler {
    override func post() async throws {
        let draft = try await readDraft(savesPicture: false)
        try render("preview", ["title": draft.title, "paragraphs": draft.text.paragraphs])
    }
}

/// Reads the form for an entry. Its picture goes to the disk as it arrives.
class FormHandler: BlogHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override class var policy: Policy { Policy(authenticated: true, maxBodySize: .mebibytes(20)) }

    func readDraft(savesPicture: Bool) async throws -> Draft {
        var draft = Draft()
        var picture: TemporaryUpload?
        let limits = MultipartLimits(files: 1, fields: 10, fileSize: .mebibytes(10))
        for try await part in try multipart(limits: limits) {
            switch part.name {
            case "title": draft.title = try await part.text()
            case "text": draft.text = try await part.text()
            case "picture" where part.isFile && savesPicture:
                picture = try await part.saveTemporarily(in: state.uploads, accepting: FileType.webImages)
            default: break
            }
        }
        try draft.validate()
        if let picture, let type = picture.type {
            let name = "\(UUID().uuidString).\(type.fileExtension)"
            try await picture.move(to: "\(state.pictures)/\(name)")
            draft.picture = name
        }
        return draft
    }
}
