import HTTPTypes
import Testing

@testable import TwisterWeb

private final class NothingHandler: RequestHandler {}

private class GetHandler: RequestHandler {
    let own = 1
    override func get() async throws {}
    func unrelated() {}
}

private final class InheritingHandler: GetHandler {
    override func unrelated() {}
    override func post() async throws {}
    override func prepare() async throws {}
    override func initialize() {}
    override func onFinish() {}
}

private class GenericHandler<Value>: RequestHandler {
    var value: Value?
    override func put() async throws {}
}

private final class EverythingHandler: RequestHandler {
    override func get() async throws {}
    override func head() async throws {}
    override func post() async throws {}
    override func put() async throws {}
    override func patch() async throws {}
    override func delete() async throws {}
    override func options() async throws {}
    override func other(_ method: HTTPRequest.Method) async throws {}
    override func prepare() async throws {}
    override func setDefaultHeaders() throws {}
    override func decodeArgument(_ value: [UInt8], _ name: String?) throws -> String { "" }
    override func computeETag() -> String? { nil }
}

@Suite("MethodOverrides")
struct MethodOverridesTests {
    @Test("the runtime's lookup works for every function, in this build and with this compiler")
    func complete() { #expect(MethodOverrides.shared.isComplete) }

    @Test("a class's own overrides and inherited ones count, others do not")
    func overrides() {
        let overrides = MethodOverrides.shared
        #expect(overrides.of(RequestHandler.self) == [])
        #expect(overrides.of(NothingHandler.self) == [])
        #expect(overrides.of(GetHandler.self) == [.get])
        #expect(overrides.of(InheritingHandler.self) == [.get, .post, .prepare])
        #expect(overrides.of(GenericHandler<Int>.self) == [.put])
        #expect(overrides.of(GenericHandler<String>.self) == [.put])
        #expect(overrides.of(EverythingHandler.self) == Set(OverridableMethod.allCases))
    }
}
