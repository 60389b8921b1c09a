import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The depth `handler`: requests and responses are values, which pass between the test and the handlers' loop.
final class HandlerHost: TestHost {
    let loop: IOLoop
    let authority = "localhost"
    private let loops: IOLoopGroup
    private let service: LoopBound<ValueService>

    /// - Throws: `IOError` where there is no such backend.
    init(
        _ delegate: any HTTPServerConnectionDelegate, _ loopConfiguration: IOLoop.Configuration,
        _ configuration: HTTPServerConfiguration
    ) async throws {
        loops = try await IOLoopGroup(count: 1, configuration: loopConfiguration)
        loop = loops.loops[0]
        service = try await loop.perform { [loop] in LoopBound(ValueService(loop, delegate, configuration)) }
    }

    func begin(_ request: PreparedRequest, _ feed: ResponseFeed) async throws {
        do {
            let number = try await loop.perform { [service] in service.value.begin(request, feed) }
            feed.onCancel { [loop, service] in loop.addCallback { service.value.disconnect(number) } }
        } catch is IOLoopError {
            throw TestClientError.ended
        }
    }

    func requestsUnderWay() async throws -> Int { try await loop.perform { [service] in service.value.count } }

    func stop() async {
        try? await loop.perform { [service] in service.value.cutAll() }
        await awaitEnd()
        await loops.stop()
    }
}

/// The exchanges under way of a `HandlerHost`. Belongs to the loop.
final class ValueService {
    private let rules: ValueExchange.Rules
    private var exchanges: [Int: ValueExchange] = [:]
    private var lastNumber = 0

    init(_ loop: IOLoop, _ delegate: any HTTPServerConnectionDelegate, _ configuration: HTTPServerConfiguration) {
        rules = ValueExchange.Rules(loop, delegate, configuration)
        delegate.willServe(on: loop)
    }

    var count: Int { exchanges.count }

    func begin(_ request: PreparedRequest, _ feed: ResponseFeed) -> Int {
        lastNumber += 1
        let number = lastNumber
        let exchange = ValueExchange(rules, request, feed) { [weak self] in self?.ended(number) }
        exchanges[number] = exchange
        exchange.start()
        return number
    }

    func disconnect(_ number: Int) { exchanges[number]?.disconnect() }

    private func ended(_ number: Int) {
        // A method of the exchange is the caller, so the exchange must live until the next turn.
        if let ended = exchanges.removeValue(forKey: number) {
            rules.loop.addLocalCallback { withExtendedLifetime(ended) {} }
        }
    }

    func cutAll() {
        for exchange in exchanges.values { exchange.cut() }
    }
}
