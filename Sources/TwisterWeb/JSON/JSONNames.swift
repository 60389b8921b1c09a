import TwisterCodec

/// The names in the open objects of a text, so that none is twice in an object (RFC 8259, 4): a class and its superclass may
/// encode the same name.
struct JSONNames {
    /// The hashes of names, those of the outermost object first.
    private var hashes: [UInt64] = []

    /// From so many names on, an object has a set of them: it is faster than a comparison with each.
    private static var fewNames: Int { 32 }

    /// The names of one object.
    struct Scope {
        /// Where they begin in the list.
        fileprivate var first = 0
        /// All of them, where they are many.
        fileprivate var set: Set<UInt64> = []
        /// The one that was added last.
        fileprivate var last: UInt64 = 0
    }

    func newScope() -> Scope { Scope(first: hashes.count) }

    /// Removes the names of an object, which is the innermost one.
    mutating func end(_ scope: Scope) {
        if hashes.count > scope.first { hashes.removeLast(hashes.count - scope.first) }
    }

    /// Adds a name to the innermost object. Returns false where the object has it, or has one of the same hash, of which there
    /// is one in 2^64.
    mutating func insert(_ name: String, _ scope: inout Scope) -> Bool {
        let hash = Self.hash(name)
        scope.last = hash
        if hashes.count - scope.first < Self.fewNames {
            for index in scope.first..<hashes.count where hashes[index] == hash { return false }
            hashes.append(hash)
            return true
        }
        if scope.set.isEmpty { scope.set = Set(hashes[scope.first...]) }
        return scope.set.insert(hash).inserted
    }

    /// Removes the name that was added last to the innermost object.
    mutating func removeLast(_ scope: inout Scope) {
        if !scope.set.isEmpty {
            scope.set.remove(scope.last)
        } else if hashes.count > scope.first {
            hashes.removeLast()
        }
    }

    /// FNV-1a.
    private static func hash(_ name: String) -> UInt64 {
        name.withOctets { octets in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
            return hash
        }
    }
}
