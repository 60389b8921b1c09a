/// The callbacks of the loop's timers. The reactor's timer wheel knows only their tokens.
struct TimerTable {
    private struct Slot {
        var callback: (() throws -> Void)?
        var generation: UInt32 = 0
        /// The next slot in the list of free slots, if this one is free.
        var nextFree = Slot.none

        static var none: UInt32 { .max }
    }

    private var slots: ContiguousArray<Slot> = []
    /// The head of the list of free slots: the one that was freed last, which is likely to be in the processor's cache.
    private var firstFree = Slot.none

    /// The number of slots, used and free.
    var capacity: Int { slots.count }

    /// Stores a callback, and returns its token: the slot's index and generation.
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

    /// Removes and returns the callback of `token`; nil if it has run or was removed, even by an earlier timer of its batch.
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

    /// Empties the table, and returns its former content.
    mutating func takeAll() -> TimerTable {
        defer { self = TimerTable() }
        return self
    }
}
