import TwisterHTTP
import TwisterIO

/// Notes the requests of a worker in the memory that it shares with its supervisor, which reports them where the worker dies.
final class RequestsUnderWay: ExchangeObserver {
    private struct State {
        /// The slots that hold no request.
        var free = Array(0..<WorkerStatus.slotCount)
        /// The texts of the labels, by their numbers.
        var labels: [JobLabel: String] = [:]

        mutating func begin(_ label: JobLabel) -> (slot: Int, label: String)? {
            guard let slot = free.popLast() else { return nil }
            if let known = labels[label] { return (slot, known) }
            let text = label.description
            labels[label] = text
            return (slot, text)
        }
    }

    private let status: WorkerStatus
    private let state = ConditionLock(State())

    init(_ status: WorkerStatus) { self.status = status }

    func exchangeBegan(_ record: ExchangeRecord) {
        guard let (slot, label) = state.withLock({ $0.begin(record.label) }) else { return }
        record.slot = slot
        Log.withShown(record.requestLineOctets) { line in
            status.begin(slot, line: line, label: label, began: record.times.firstByte)
        }
    }

    func exchangeEnded(_ record: ExchangeRecord) {
        guard let slot = record.slot else { return }
        status.end(slot)
        state.withLock { $0.free.append(slot) }
    }
}
