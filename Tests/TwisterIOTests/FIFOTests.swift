import Testing

@testable import TwisterIO

@Suite("FIFO")
struct FIFOTests {
    /// An element that counts the living elements.
    private final class Counted {
        final class Tally { var alive = 0 }
        let number: Int
        private let tally: Tally

        init(_ number: Int, _ tally: Tally) {
            self.number = number
            self.tally = tally
            tally.alive += 1
        }

        deinit { tally.alive -= 1 }
    }

    @Test("it returns the same elements as an array, in whatever order it is filled and emptied")
    func model() {
        var random = SystemRandomNumberGenerator()
        var queue = FIFO<Int>()
        var model: [Int] = []
        for step in 0..<20_000 {
            // First it mostly grows, then it mostly shrinks, so that the front is anywhere in the ring when the ring grows.
            if Int.random(in: 0..<100, using: &random) < (step / 5_000 % 2 == 0 ? 70 : 30) {
                queue.append(step)
                model.append(step)
            } else {
                let next = queue.popFirst()
                #expect(next == model.first)
                model = Array(model.dropFirst())
            }
            let count = queue.count
            #expect(count == model.count)
        }
        var rest: [Int] = []
        while let next = queue.popFirst() { rest.append(next) }
        #expect(rest == model)
    }

    @Test("the memory of a burst is freed, and the queue can still be used")
    func crowd() {
        var queue = FIFO<Int>()
        for round in 0..<2 {
            for number in 0..<10_000 { queue.append(number + round) }
            var taken: [Int] = []
            while let next = queue.popFirst() { taken.append(next) }
            #expect(taken == (0..<10_000).map { $0 + round })
        }
    }

    @Test("elements are released when they are taken, or with the queue")
    func lifetimes() {
        let tally = Counted.Tally()
        do {
            var queue = FIFO<Counted>()
            for number in 0..<6 { queue.append(Counted(number, tally)) }
            for _ in 0..<4 { _ = queue.popFirst() }
            #expect(tally.alive == 2)
            // The elements wrap at the end of the ring, and the ring grows.
            for number in 6..<16 { queue.append(Counted(number, tally)) }
            #expect(tally.alive == 12)
            var taken = queue.takeAll()
            let (left, count, first) = (queue.count, taken.count, taken.popFirst()?.number)
            #expect(left == 0 && count == 12 && first == 4)
            queue.append(Counted(16, tally))
            #expect(tally.alive == 12)
        }
        #expect(tally.alive == 0)
    }
}
