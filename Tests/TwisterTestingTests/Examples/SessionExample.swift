import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

private struct Cart: Codable {
    var items: [String] = []
}

extension SessionKey<Cart> {
    fileprivate static var cart: SessionKey<Cart> { SessionKey("cart") }
}

private func makeStore() throws -> Application {
    try Application(
        [
            URLSpec(.post, "/cart/([a-z]+)") { (handler, item: String) in
                var cart = handler.session[.cart] ?? Cart()
                cart.items.append(item)
                handler.session[.cart] = cart
                handler.flash("\(item) is in your cart.")
                try handler.redirect("/cart")
            },
            URLSpec(.get, "/cart") { handler in
                let messages = handler.takeFlashes().map(\.message)
                let items = handler.session[.cart]?.items ?? []
                handler.write((messages + items).joined(separator: "\n"))
            },
            URLSpec(.post, "/login") { handler in
                guard try handler.getArgument("password") == "correct horse" else { throw HTTPError(.forbidden) }
                handler.session.rotate()
                handler.session["user", as: String.self] = "ann"
            },
            URLSpec(.post, "/logout") { handler in handler.session.destroy() },
        ], middleware: [Sessions(lifetime: .seconds(3_600))])
}

@Suite("Example: sessions") struct SessionExample {
    @Test(arguments: TestDepth.allCases) func cartIsKept(depth: TestDepth) async throws {
        var configuration = TestConfiguration()
        configuration.followsRedirects = true
        try await makeStore().test(depth, configuration: configuration) { client in
            #expect(try await client.post("/cart/milk").text == "milk is in your cart.\nmilk")
            #expect(try await client.get("/cart").text == "milk")
            let before = client.cookies["session"]
            _ = try await client.post("/login", form: ["password": "correct horse"])
            #expect(client.cookies["session"] != before)
            #expect(try await client.get("/cart").text == "milk")
            _ = try await client.post("/logout")
            #expect(try await client.get("/cart").text == "")
        }
    }
}
