import Foundation
import Twister

/// The newest entries, page by page.
final class Home: BlogHandler {
    override func get() async throws {
        let page = try getArgument("page", as: Int.self, default: 1)
        guard (1...100_000).contains(page) else { throw HTTPError(.notFound) }
        let (entries, hasMore) = try await state.entries(page: page)
        if entries.isEmpty, page > 1 { throw HTTPError(.notFound) }
        try render(
            "home",
            [
                "entries": entries.map(\.values), "page": page,
                "older": hasMore ? page + 1 : nil, "newer": page > 1 ? page - 1 : nil,
            ])
    }
}

/// The titles of all entries.
final class Archive: BlogHandler {
    override func get() async throws {
        try render("archive", ["entries": try await state.entries(page: 1, size: 1000).entries.map(\.values)])
    }
}

/// The newest entries for feed readers, as Atom (RFC 4287).
final class Feed: BlogHandler {
    override func get() async throws {
        let entries = try await state.entries(page: 1).entries
        try setHeader(.contentType, "application/atom+xml; charset=utf-8")
        try render(
            "feed",
            [
                "base": "\(request.protocol)://\(request.host)", "entries": entries.map(\.values),
                "updated": (entries.map(\.updated).max() ?? Date(timeIntervalSince1970: 0)).formatted(.iso8601),
            ])
    }
}

/// One entry.
final class EntryPage: BlogHandler {
    override func get() async throws {
        guard let slug = pathArguments[0], let entry = try await state.entry(slug: slug) else {
            throw HTTPError(.notFound)
        }
        try render("entry", ["entry": entry.values, "author": try await state.author(entry.authorID)?.name])
    }
}
