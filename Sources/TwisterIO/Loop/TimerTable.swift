/// The callbacks of the loop's timers; the reactor's wheel knows only their index.
struct TimerTable {
    private struct Slot {
        var callback: (() throws -> Void)?
        var generation: UInt32 = 0
        /// The free slot that was used before this one, where this one is free.
        var nextFree = Slot.none

        static var none: UInt32 { .max }
    }

    private var slots: ContiguousArray<Slot> = []
    /// The free slot that was used last, so that what is reused is warm.
    private var firstFree = Slot.none

    /// Slots that were ever used.
    var capacity: Int { slots.count }

    mutating func insert(_ callback: @escaping () throws -> Void) -> UInt64 {
        let index = firstFree
        guard index != Slot.none else {
            slots.append(Slot(callback: callback))
            return UInt64(slots.count - 1)
        }
        let slot = slots[Int(index)]
        firstFree = slot.nextFree
        slots[Int(index)] = Slot(callback: callback, generation: slot.generation)
        return UInt64(slot.generation) << 32 | UInt64(index)
    }

    /// Takes the callback of `token` out; nil where it has run or was removed, even by an earlier timer of its batch.
    @discardableResult
    mutating func remove(_ token: UInt64) -> (() throws -> Void)? {
        let index = UInt32(truncatingIfNeeded: token)
        guard index < slots.count, slots[Int(index)].generation == UInt32(token >> 32) else { return nil }
        guard let callback = slots[Int(index)].callback.take() else { return nil }
        slots[Int(index)].generation &+= 1
        slots[Int(index)].nextFree = firstFree
        firstFree = index
        return callback
    }

    /// Empties the table; the callbacks go with what is given back.
    mutating func takeAll() -> TimerTable {
        defer { self = TimerTable() }
        return self
    }
}
