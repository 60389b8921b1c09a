import Testing

@testable import TwisterHTTP2
@testable import TwisterIO

@Suite("HTTP/2: the pool of streams")
struct StreamPoolTests {
    private final class Item {}

    /// How many items each of three bursts had to make. The second comes within a second of the first, the third two seconds
    /// later.
    private func madeByBursts(_ sizes: [Int]) throws -> [Int] {
        let clock = ManualClock()
        let loop = try IOLoop(clock.configuration(.epoll))
        defer { loop.close() }
        var made = 0
        let pool = StreamPool<Item>(loop) {
            made += 1
            return Item()
        }
        return sizes.enumerated().map { index, size in
            if index > 1 {
                for _ in 0..<2 {
                    clock.advance(by: .seconds(1), waking: loop)
                    loop.callLater(.zero) { loop.stop() }
                    loop.run()
                }
            }
            let before = made
            let items = (0..<size).map { _ in pool.take() }
            for item in items { pool.keep(item) }
            return made - before
        }
    }

    @Test("streams that a burst needed are there for the next one, and most of them are freed when none comes")
    func bursts() async throws {
        let made = try await withCheckedThrowingContinuation { continuation in
            do {
                try NativeThread.start(name: "pool") {
                    continuation.resume(with: Result { try madeByBursts([1000, 1000, 1000]) })
                }
            } catch { continuation.resume(throwing: error) }
        }
        #expect(made == [1000, 0, 936])
    }
}
