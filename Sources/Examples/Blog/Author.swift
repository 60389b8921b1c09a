import GRDB
import Twister

/// The account of an author. The first visitor makes the only one.
struct Author: Codable, FetchableRecord, Sendable {
    let id: Int64
    let email: String
    let name: String
    /// A hash, in the format of `PasswordHash`.
    let password: String
}

extension Blog {
    func hasAuthor() async throws -> Bool {
        try await database.read { db in try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT * FROM author)") ?? false }
    }

    func author(_ id: Int64) async throws -> Author? {
        try await database.read { db in
            try Author.fetchOne(db, sql: "SELECT * FROM author WHERE id = ?", arguments: [id])
        }
    }

    func author(email: String) async throws -> Author? {
        try await database.read { db in
            try Author.fetchOne(db, sql: "SELECT * FROM author WHERE email = ?", arguments: [email])
        }
    }

    /// Makes the blog's author. Nil if there is one.
    func createAuthor(email: String, name: String, password hash: String) async throws -> Author? {
        try await database.write { db in
            try Author.fetchOne(
                db,
                sql: """
                    INSERT INTO author (email, name, password) SELECT ?, ?, ?
                    WHERE NOT EXISTS (SELECT * FROM author) RETURNING *
                    """, arguments: [email, name, hash])
        }
    }
}
