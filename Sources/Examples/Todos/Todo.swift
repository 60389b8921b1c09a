import Twister

/// Something to do.
struct Todo: Codable, Equatable, Sendable {
    let id: Int
    var title: String
    var done = false
}

/// The body of a request that adds a todo.
struct Draft: Decodable, Sendable, Validatable {
    let title: String

    func validate() throws { try checkTitle(title) }
}

/// The body of a request that changes a todo. Values that are left out stay as they are.
struct Change: Decodable, Sendable, Validatable {
    let title: String?
    let done: Bool?

    func validate() throws { if let title { try checkTitle(title) } }
}

extension Validatable {
    fileprivate func checkTitle(_ title: String) throws {
        try require(!title.isEmpty, "title", "must not be empty")
        try require(title.utf8.count <= 200, "title", "must not be longer than 200 bytes")
    }
}

/// The query of a list: which page of it, and how many todos a page has.
struct Paging: Decodable, Sendable, Validatable {
    let page: Int?
    let size: Int?

    func validate() throws {
        try require((1...1_000_000).contains(page ?? 1), "page", "must be between 1 and 1000000")
        try require((1...100).contains(size ?? 20), "size", "must be between 1 and 100")
    }

    /// The places of the page's todos in the whole list.
    var range: Range<Int> {
        let size = size ?? 20
        let start = ((page ?? 1) - 1) * size
        return start..<start + size
    }
}

/// A page of a list.
struct Page: Codable, Equatable, Sendable {
    let todos: [Todo]
    /// How many todos the whole list has.
    let total: Int
}
