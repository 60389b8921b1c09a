import Foundation
import GRDB
import Twister

/// The entries in the database.
extension Blog {
    /// A page of the entries, the newest first, and whether there are older ones.
    func entries(page: Int, size: Int = 10) async throws -> (entries: [Entry], hasMore: Bool) {
        let found = try await database.read { db in
            try Entry.order(Column("published").desc, Column("id").desc)
                .limit(size + 1, offset: (page - 1) * size).fetchAll(db)
        }
        return (Array(found.prefix(size)), found.count > size)
    }

    func entry(slug: String) async throws -> Entry? {
        try await database.read { db in try Entry.filter(Column("slug") == slug).fetchOne(db) }
    }

    func entry(_ id: Int64) async throws -> Entry? {
        try await database.read { db in try Entry.fetchOne(db, key: id) }
    }

    /// Adds an entry, whose slug is made of its title.
    func add(_ draft: Draft, by author: Int64) async throws -> Entry {
        try await database.write { db in
            var slug = draft.title.slug
            var number = 1
            while try !Entry.filter(Column("slug") == slug).isEmpty(db) {
                number += 1
                slug = "\(draft.title.slug)-\(number)"
            }
            let entry = Entry(
                authorID: author, slug: slug, title: draft.title, text: draft.text, picture: draft.picture,
                published: .now, updated: .now)
            return try entry.insertAndFetch(db)
        }
    }

    /// Changes an entry. It keeps its slug, so that links to it stay valid, and its picture unless there is a new one.
    func change(_ entry: Entry, _ draft: Draft) async throws -> Entry {
        var changed = entry
        changed.title = draft.title
        changed.text = draft.text
        changed.picture = draft.picture ?? entry.picture
        changed.updated = .now
        return try await database.write { [changed] db in
            try changed.update(db)
            return changed
        }
    }
}
