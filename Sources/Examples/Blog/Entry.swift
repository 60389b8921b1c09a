import Foundation
import GRDB
import Twister

/// An entry of the blog, as the table `entry` holds it.
struct Entry: Codable, FetchableRecord, PersistableRecord, Sendable {
    var id: Int64?
    let authorID: Int64
    /// The entry's name in its URL.
    let slug: String
    var title: String
    var text: String
    /// The name of a file in the folder of the pictures.
    var picture: String?
    let published: Date
    var updated: Date

    /// The entry's values under the names that templates use.
    var values: [String: Any] {
        [
            "id": id ?? 0, "slug": slug, "title": title, "text": text, "picture": picture as Any,
            "paragraphs": text.paragraphs, "date": published.formatted(Self.dateStyle),
            "published": published.formatted(.iso8601), "updated": updated.formatted(.iso8601),
        ]
    }

    private static let dateStyle = Date.FormatStyle(
        date: .long, time: .omitted, locale: Locale(identifier: "en_GB"), timeZone: .gmt)
}

/// The fields of the form in which an author writes an entry.
struct Draft: Sendable, Validatable {
    var title = ""
    var text = ""
    /// The name of a picture that was saved.
    var picture: String?

    func validate() throws {
        try require((1...200).contains(title.utf8.count), "title", "must have 1 to 200 bytes")
        try require(!text.isEmpty, "text", "must not be empty")
    }
}

extension String {
    /// The parts between empty lines.
    var paragraphs: [String] {
        let lines = split(omittingEmptySubsequences: false) { $0.isNewline }
        return lines.split { $0.allSatisfy(\.isWhitespace) }.map { $0.joined(separator: "\n") }
    }

    /// Its letters and digits in ASCII, in lower case, with a hyphen for everything between them.
    var slug: String {
        let latin = self.applyingTransform(StringTransform("Any-Latin; Latin-ASCII"), reverse: false) ?? self
        let words = latin.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return words.isEmpty ? "entry" : words.joined(separator: "-")
    }
}
