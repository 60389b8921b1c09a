import Twister

/// The todos of all users, in memory.
actor TodoStore {
    /// The most todos of a user.
    static let limit = 10_000

    private var lists: [String: [Todo]] = [:]
    private var lastID = 0

    func page(_ paging: Paging, of user: String) -> Page {
        let todos = lists[user, default: []]
        return Page(todos: Array(todos[paging.range.clamped(to: todos.indices)]), total: todos.count)
    }

    func find(_ id: Int, of user: String) -> Todo? { lists[user]?.first { $0.id == id } }

    /// - Throws: a 409 for a user with too many todos.
    func add(_ draft: Draft, for user: String) throws -> Todo {
        guard lists[user, default: []].count < Self.limit else {
            throw HTTPError(.conflict, detail: "The list is full.")
        }
        lastID += 1
        let todo = Todo(id: lastID, title: draft.title)
        lists[user, default: []].append(todo)
        return todo
    }

    /// The todo as it is now; nil if there is none.
    func change(_ id: Int, of user: String, _ change: Change) -> Todo? {
        guard let index = lists[user]?.firstIndex(where: { $0.id == id }) else { return nil }
        if let title = change.title { lists[user]?[index].title = title }
        if let done = change.done { lists[user]?[index].done = done }
        return lists[user]?[index]
    }

    /// Whether there was such a todo.
    func remove(_ id: Int, of user: String) -> Bool {
        guard let index = lists[user]?.firstIndex(where: { $0.id == id }) else { return false }
        lists[user]?.remove(at: index)
        return true
    }
}
