import Foundation
import GRDB
import Twister

/// The blog: its database and its pictures. Handlers of all loops share it; GRDB's own threads do the work.
struct Blog: Sendable {
    /// The folder of the pictures.
    let pictures: String
    let uploads: TemporaryFolder
    let passwords: PasswordHash
    let database: DatabasePool

    /// - Parameters:
    ///   - folder: the folder of the database and the pictures, which is made if it is missing.
    ///   - passwords: what the hashes of new passwords cost.
    init(folder: String, passwords: PasswordHash = PasswordHash()) throws {
        pictures = "\(folder)/pictures"
        try FileManager.default.createDirectory(
            atPath: pictures, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // On the file system of the pictures, so that a picture gets its place by a rename.
        uploads = try TemporaryFolder(in: folder)
        self.passwords = passwords
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        database = try DatabasePool(path: "\(folder)/blog.sqlite", configuration: configuration)
        try Self.migrations.migrate(database)
    }

    private static var migrations: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("blog") { db in
            try db.execute(
                sql: """
                    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
                    CREATE TABLE author (
                        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
                        password TEXT NOT NULL);
                    CREATE TABLE entry (
                        id INTEGER PRIMARY KEY, authorID INTEGER NOT NULL REFERENCES author, slug TEXT NOT NULL UNIQUE,
                        title TEXT NOT NULL, text TEXT NOT NULL, picture TEXT, published DATETIME NOT NULL,
                        updated DATETIME NOT NULL);
                    CREATE INDEX entryPublished ON entry (published);
                    """)
        }
        return migrator
    }

    /// The key of signed cookies, made once for each database. All processes of a server find the same one.
    func cookieSecret() throws -> CookieSecret {
        let new = UUID().uuidString + UUID().uuidString
        let key = try database.write { db in
            try db.execute(sql: "INSERT OR IGNORE INTO setting VALUES ('cookieSecret', ?)", arguments: [new])
            return try String.fetchOne(db, sql: "SELECT value FROM setting WHERE name = 'cookieSecret'") ?? new
        }
        return try CookieSecret(key: key)
    }
}
