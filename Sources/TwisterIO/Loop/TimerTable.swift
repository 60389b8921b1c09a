/// The callbacks of the loop's timers; the reactor's wheel knows only their index.
struct TimerTable {
    private struct Slot {
        var callback: (() throws -> Void)?
        var generation: UInt32 = 0
    }

    private var slots: ContiguousArray<Slot> = []
    private var free: ContiguousArray<UInt32> = []

    /// Slots that were ever used.
    var capacity: Int { slots.count }

    mutating func insert(_ callback: @escaping () throws -> Void) -> UInt64 {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].callback = callback
        return UInt64(slots[Int(index)].generation) << 32 | UInt64(index)
    }

    /// Takes the callback of `token` out; nil where it has run or was removed, even by an earlier timer of its batch.
    @discardableResult
    mutating func remove(_ token: UInt64) -> (() throws -> Void)? {
        let index = Int(UInt32(truncatingIfNeeded: token))
        guard index < slots.count, slots[index].generation == UInt32(token >> 32) else { return nil }
        guard let callback = slots[index].callback.take() else { return nil }
        slots[index].generation &+= 1
        free.append(UInt32(index))
        return callback
    }

    /// Empties the table; the callbacks go with what is given back.
    mutating func takeAll() -> TimerTable {
        defer { self = TimerTable() }
        return self
    }
}
