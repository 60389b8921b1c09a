import Testing
import TwisterCodec

@testable import TwisterHTTP

/// N-22: what is known of clients, without sockets and clocks.
struct ClientTableTests {
    private static let second: UInt64 = 1_000_000_000

    private func client(_ text: String, _ limits: ClientLimits = ClientLimits()) throws -> ClientPrefix {
        ClientPrefix(try #require(IPAddress(text)), limits)
    }

    @Test("N-22: a client is an IPv4 address or a /64 of IPv6, and an IPv4 address in IPv6 is the IPv4 one")
    func prefixes() throws {
        let same = [
            ("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ]
        for (one, other) in same { #expect(try client(one) == client(other), "\(one) \(other)") }
        let different = [
            ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("192.0.2.1", "::192.0.2.1"),
        ]
        for (one, other) in different { #expect(try client(one) != client(other), "\(one) \(other)") }
        var limits = ClientLimits()
        limits.ipv4PrefixLength = 24
        limits.ipv6PrefixLength = 48
        #expect(try client("192.0.2.1", limits) == client("192.0.2.255", limits))
        #expect(try client("192.0.2.1", limits) != client("192.0.3.1", limits))
        #expect(try client("2001:db8:1:2::", limits) == client("2001:db8:1:3::", limits))
        #expect(try client("2001:db8:1::", limits) != client("2001:db8:2::", limits))
        limits.ipv4PrefixLength = 0
        limits.ipv6PrefixLength = 0
        #expect(try client("1.2.3.4", limits) == client("200.2.3.4", limits))
        #expect(try client("::1", limits) == client("2001::", limits))
        #expect(try client("::1", limits) != client("1.2.3.4", limits), "the families stay apart")
        limits.ipv6PrefixLength = 128
        #expect(try client("2001:db8::1", limits) != client("2001:db8::2", limits))
    }

    @Test("N-22: a burst, then the rate, and after silence the burst again")
    func rate() {
        let rate = RequestRate(perSecond: 2, burst: 3)
        var paidUntil: UInt64 = 0
        var now = 1000 * Self.second
        for _ in 0..<3 { #expect(rate.take(&paidUntil, at: now) == 0) }
        #expect(rate.take(&paidUntil, at: now) == Self.second / 2, "and says when to come again")
        now += Self.second / 2 - 1
        #expect(rate.take(&paidUntil, at: now) == 1, "who asks too early pays nothing for it")
        now += 1
        #expect(rate.take(&paidUntil, at: now) == 0)
        #expect(rate.take(&paidUntil, at: now) == Self.second / 2)
        // Over a long time, the rate and no more.
        var admitted = 0
        for _ in 0..<1000 {
            now += Self.second / 10
            if rate.take(&paidUntil, at: now) == 0 { admitted += 1 }
        }
        #expect(admitted == 200)
        now += 3600 * Self.second
        for _ in 0..<3 { #expect(rate.take(&paidUntil, at: now) == 0) }
        #expect(rate.take(&paidUntil, at: now) > 0, "silence saves no more than a burst")
        // Another loop's clock is a little behind.
        #expect(rate.take(&paidUntil, at: now - Self.second / 4) == Self.second * 3 / 4)
    }

    @Test("N-22: rates and bursts at the ends of their ranges do not overflow", arguments: [1e-30, 1e-9, 1, 1e9, 1e30])
    func extremes(_ perSecond: Double) {
        for burst in [1, 2, Int.max] {
            let rate = RequestRate(perSecond: perSecond, burst: burst)
            for start in [0, 1, UInt64.max / 2, UInt64.max - 1] {
                var paidUntil: UInt64 = 0
                #expect(rate.take(&paidUntil, at: start) == 0)
                _ = rate.take(&paidUntil, at: start)
                _ = rate.take(&paidUntil, at: 0)
            }
        }
    }

    @Test("N-22: the room for rates is bounded: who owes most stays known, and nobody is refused for want of room")
    func boundedRates() throws {
        var rates = RequestRates<ClientPrefix>(RequestRate(perSecond: 1, burst: 5), capacity: 64)
        let greedy = try client("192.0.2.1")
        let now = 1000 * Self.second
        for _ in 0..<5 { #expect(rates.take(greedy, at: now) == 0) }
        #expect(rates.take(greedy, at: now) > 0)
        for index in 0..<10_000 {
            #expect(rates.take(try client("10.1.\(index / 250).\(index % 250)"), at: now) == 0)
        }
        #expect(rates.take(greedy, at: now) > 0)
    }

    @Test("N-22: what is held is counted exactly, and nobody is known who holds nothing")
    func held() throws {
        var configuration = HTTPServer.Configuration()
        #expect(ClientTable(configuration) == nil, "nothing is limited by default")
        configuration.clientLimits.maxConnections = 2
        configuration.clientLimits.maxConcurrentRequests = 1
        let table = try #require(ClientTable(configuration))
        let (one, other) = (try client("192.0.2.1"), try client("192.0.2.2"))
        #expect(table.openConnection(one) && table.openConnection(one) && table.openConnection(other))
        #expect(!table.openConnection(one))
        #expect(table.beginRequest(one, at: 0) == .admitted)
        #expect(table.beginRequest(one, at: 0) == .tooManyAtOnce)
        #expect(table.total.clients == 2 && table.total.held == ClientTable.Held(connections: 3, requests: 1))
        table.endRequest(one)
        #expect(table.beginRequest(one, at: 0) == .admitted)
        table.endRequest(one)
        for client in [one, one, other] { table.closeConnection(client) }
        #expect(table.total.clients == 0)
        table.closeConnection(one)
        #expect(table.total.clients == 0 && table.openConnection(one))
    }

    @Test("N-22: who is refused for too many at once pays nothing for it")
    func refusalsAreFree() throws {
        var configuration = HTTPServer.Configuration()
        configuration.clientLimits.requestsPerSecond = 1
        configuration.clientLimits.burst = 2
        configuration.clientLimits.maxConcurrentRequests = 1
        let table = try #require(ClientTable(configuration))
        let one = try client("192.0.2.1")
        #expect(table.beginRequest(one, at: 0) == .admitted)
        for _ in 0..<10 { #expect(table.beginRequest(one, at: 0) == .tooManyAtOnce) }
        table.endRequest(one)
        #expect(table.beginRequest(one, at: 0) == .admitted)
        table.endRequest(one)
        #expect(table.beginRequest(one, at: 0) == .tooManyInTime(wait: Self.second))
        #expect(table.total.clients == 0)
    }

    @Test("N-22: refusals leave a line a second at most, which counts them all")
    func log() {
        var log = RefusalLog()
        let start = 10 * Self.second
        #expect(log.count(requests: 1, at: start) == RefusalLog.Line(requests: 1))
        for index in 1...999 { #expect(log.count(requests: 1, at: start + UInt64(index) * 1_000_000) == nil) }
        #expect(log.count(connections: 2, at: start - 1) == nil)
        #expect(
            log.count(connections: 1, at: start + Self.second) == RefusalLog.Line(connections: 3, requests: 999))
        #expect(log.count(requests: 1, at: start + Self.second) == nil)
    }
}
