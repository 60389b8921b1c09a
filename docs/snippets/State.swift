import Twister

struct User: Codable, Sendable { let name: String }
struct Post: Codable, Sendable { let title: String }

actor Blog {
    func user(_ id: Int) -> User { User(name: "user \(id)") }
    func posts(of id: Int) -> [Post] { [Post(title: "post of \(id)")] }
}

final class ProfileHandler: RequestHandlerWith<Blog> {
    private struct Profile: Encodable {
        let user: User
        let posts: [Post]
    }

    // The store is Sendable and goes into child tasks; the handler stays on its loop.
    override func get() async throws {
        let blog = state
        async let user = blog.user(1)
        async let posts = blog.posts(of: 1)
        try write(json: Profile(user: await user, posts: await posts))
    }

    // The handler's own methods at the same time: `together` keeps them on the loop.
    override func post() async throws {
        let (name, count) = try await together({ try await self.userName() }, { try await self.postCount() })
        write("\(name) has \(count) posts")
    }

    // What takes too long is cancelled: TimeoutError becomes 504.
    override func put() async throws {
        let name = try await withTimeout(.seconds(2)) { try await self.userName() }
        write(name)
    }

    private func userName() async throws -> String { await state.user(1).name }
    private func postCount() async throws -> Int { await state.posts(of: 1).count }
}

func makeProfiles() throws -> Application {
    try Application([URLSpec("/profile", ProfileHandler.self, Blog())])
}
