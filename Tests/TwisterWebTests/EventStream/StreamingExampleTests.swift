import FoundationEssentials
import HTTPTypes
import Testing
import TwisterTesting

@testable import TwisterWeb

@Suite("N-34, X-39: the example of docs/streaming.md")
struct StreamingExampleTests {
    @Test("N-34, X-39: it does what the page says", arguments: Setting.each)
    func example(setting: Setting) async throws {
        let prices = EventBroadcaster<Price>(slowClients: .conflate(by: \.symbol))
        let application = try makeStreamingApplication(prices)
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) {
            client async throws in
            let export = try await client.get("/export").text
            #expect(export.hasPrefix("1,1\n2,4\n") && export.hasSuffix("1000,1000000\n"))
            #expect(try await client.get("/words").text == "one two three")
            let upload = try await client.post(
                "/upload", multipart: [.field("a", "b"), .file("f", filename: "f.txt", Array("12345".utf8))])
            #expect(upload.text == "f: 5")
            let countdown = try await client.stream(.get, "/countdown")
            var lines = countdown.lines.makeAsyncIterator()
            for number in (0...3).reversed() {
                #expect(try await lines.next() == "id: \(number)")
                #expect(try await lines.next() == "event: count")
                #expect(try await lines.next() == "data: \(number)")
                #expect(try await lines.next()?.isEmpty == true)
                try await client.advance(by: .seconds(1))
            }
            let stream = try await client.stream(.get, "/prices")
            while prices.subscribers == 0 { await Task.yield() }
            #expect(try await client.post("/prices", json: Price(symbol: "T", value: 2.5)).status == .noContent)
            var events = stream.lines.makeAsyncIterator()
            #expect(try await events.next()?.hasPrefix("id: ") == true)
            let data = try #require(try await events.next())
            #expect(try JSONDecoder().decode(Price.self, from: Data(data.utf8.dropFirst(6))).value == 2.5)
            let current = try await client.stream(.get, "/prices/current")
            while prices.subscribers < 2 { await Task.yield() }
            #expect(try await client.post("/prices", json: Price(symbol: "T", value: 3)).status == .noContent)
            var values: [Double] = []
            for try await line in current.lines where line.hasPrefix("data: ") {
                values.append(try JSONDecoder().decode(Price.self, from: Data(line.utf8.dropFirst(6))).value)
                if values.count == 2 { break }
            }
            #expect(values == [2, 3])
            current.cancel()
            stream.cancel()
        }
    }
}
