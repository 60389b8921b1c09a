import CoreMetrics
import Glibc
import Synchronization

/// The number or numbers of one combination of name and labels. Any thread adds to them.
protocol PrometheusSeries: AnyObject, Sendable {
    /// Writes their lines.
    func write(to text: inout String, _ name: String, _ labels: String)
}

/// A floating-point number that several threads change.
private struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: seen) + amount
            let (exchanged, original) = bits.weakCompareExchange(
                expected: seen, desired: sum.bitPattern, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }
}

/// A number that only grows.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int>(0)
    private let rest = AtomicDouble()

    func increment(by amount: Int64) {
        if amount > 0 { whole.wrappingAdd(Int(amount), ordering: .relaxed) }
    }

    func increment(by amount: Double) {
        if amount > 0, amount.isFinite { rest.add(amount) }
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        rest.set(0)
    }

    func write(to text: inout String, _ name: String, _ labels: String) {
        PrometheusSyntax.write(Double(whole.load(ordering: .relaxed)) + rest.value, to: &text, name, labels)
    }
}

/// A number that goes up and down.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
    private let number = AtomicDouble()

    func set(_ value: Int64) { number.set(Double(value)) }
    func set(_ value: Double) { number.set(value) }
    func increment(by amount: Double) { number.add(amount) }
    func decrement(by amount: Double) { number.add(-amount) }
    func record(_ value: Int64) { number.set(Double(value)) }
    func record(_ value: Double) { number.set(value) }

    func write(to text: inout String, _ name: String, _ labels: String) {
        PrometheusSyntax.write(number.value, to: &text, name, labels)
    }
}

/// How many values lie under each of a few bounds, and the sum of all.
///
/// Threads add to parts of their own, as far as there are enough, since cores that write to the same memory wait for each
/// other.
final class PrometheusHistogram: PrometheusSeries, TimerHandler, RecorderHandler {
    private static let maxBounds = 30
    private static let partCount: Int = {
        let cores = sysconf(CInt(_SC_NPROCESSORS_ONLN))
        return cores <= 1 ? 1 : cores <= 2 ? 2 : cores <= 4 ? 4 : 8
    }()

    private final class Part: Sendable {
        /// The last is for values over all bounds.
        let buckets = [31 of Atomic<Int>] { _ in Atomic(0) }
        let wholeSum = Atomic<Int>(0)
        let restSum = AtomicDouble()
    }

    private let bounds: [Double]
    /// The same in the unit in which whole numbers come.
    private let wholeBounds: [Int64]
    private let unitsPerValue: Double
    private let parts = (0..<partCount).map { _ in Part() }

    /// - Parameters:
    ///   - bounds: upper bounds; sorted here.
    ///   - unitsPerValue: so many of the units in which whole numbers come are 1 of the bounds: nanoseconds a second.
    init(bounds: [Double], unitsPerValue: Double) {
        let sorted = Set(bounds.filter(\.isFinite)).sorted().prefix(Self.maxBounds)
        self.bounds = Array(sorted)
        wholeBounds = sorted.map { bound in
            let units = (bound * unitsPerValue).rounded(.down)
            return Int64(exactly: units) ?? (units < 0 ? .min : .max)
        }
        self.unitsPerValue = unitsPerValue
    }

    private var part: Part { parts[ThreadNumber.current & (parts.count - 1)] }

    func recordNanoseconds(_ duration: Int64) { record(duration) }

    func record(_ value: Int64) {
        var place = 0
        while place < wholeBounds.count, value > wholeBounds[place] { place += 1 }
        let part = part
        part.buckets[place].wrappingAdd(1, ordering: .relaxed)
        part.wholeSum.wrappingAdd(Int(value), ordering: .relaxed)
    }

    func record(_ value: Double) {
        if value.isNaN { return }
        var place = 0
        while place < bounds.count, value > bounds[place] { place += 1 }
        let part = part
        part.buckets[place].wrappingAdd(1, ordering: .relaxed)
        part.restSum.add(value)
    }

    func write(to text: inout String, _ name: String, _ labels: String) {
        var count = 0
        for (place, bound) in (bounds + [.infinity]).enumerated() {
            // The last bucket is that of values over all bounds, whatever their number.
            for part in parts { count += part.buckets[place].load(ordering: .relaxed) }
            let separator = labels.isEmpty ? "" : ","
            PrometheusSyntax.write(
                Double(count), to: &text, "\(name)_bucket",
                "\(labels)\(separator)le=\"\(PrometheusSyntax.number(bound))\"")
        }
        var sum = 0.0
        for part in parts {
            sum += Double(part.wholeSum.load(ordering: .relaxed)) / unitsPerValue + part.restSum.value
        }
        PrometheusSyntax.write(sum, to: &text, "\(name)_sum", labels)
        PrometheusSyntax.write(Double(count), to: &text, "\(name)_count", labels)
    }
}

/// Numbers threads in the order in which they first ask, so that the loops of a server have neighbouring numbers.
private enum ThreadNumber {
    private static let last = Atomic<Int>(0)
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    static var current: Int {
        guard let key else { return 0 }
        if let known = pthread_getspecific(key) { return Int(bitPattern: known) }
        let number = last.wrappingAdd(1, ordering: .relaxed).newValue
        pthread_setspecific(key, UnsafeRawPointer(bitPattern: number))
        return number
    }
}
