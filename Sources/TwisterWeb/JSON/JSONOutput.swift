/// JSON text, and the values of it whose end is not written: Swift's containers do not say when they end, so a value is open
/// until the next one in its container begins.
///
/// Values that are not encoded in the order of the text cannot be written so. The output then gives up, and says so in
/// `obstacle`, because the code that encodes a value may ignore the error.
struct JSONOutput {
    /// Why the text cannot be completed.
    enum Obstacle: Error {
        /// A container was used after the next one in its parent had begun, or a name is twice in an object.
        case outOfOrder
        /// An `EncodingError`. As one, it would give the output a layout that is known only at run time.
        case failure(any Error)
    }

    /// The greatest depth of nested values. `JSONDecoder` refuses deeper ones, which would also exhaust the stack of a thread.
    static let maxDepth = 512

    /// The text so far.
    var text = JSONText(capacity: 224)
    private(set) var obstacle: Obstacle?
    /// The value that contains the next one. Before the first value and after an obstacle it is one that no place names.
    private var innermost = OpenValue(serial: 0)
    /// The open values around it, outermost first.
    private var outer: [OpenValue] = []
    private var names = JSONNames()
    private var unordered = JSONUnordered()
    private var lastSerial: UInt32 = 0

    private struct OpenValue {
        let serial: UInt32
        /// The value's key or index in its container.
        var key = JSONPathKey.none
        var kind = JSONKind.undecided
        /// The values in it so far.
        var count = 0
        var names = JSONNames.Scope()
        /// Nil where the elements stay in the order in which they are encoded.
        var unordered: JSONUnordered.Scope?
    }

    /// The end of the text when an element had not begun, for the case that it cannot be encoded.
    struct Mark {
        fileprivate let textCount: Int
        fileprivate let kind: JSONKind
        fileprivate let count: Int
    }

    // MARK: Open values

    /// Opens a value at the end of the text, in the innermost open one.
    mutating func open(_ key: JSONPathKey) throws -> JSONPlace {
        guard outer.count + 1 < Self.maxDepth else {
            throw fail(codingPath(of: key), "The value is nested more than \(Self.maxDepth) deep.")
        }
        lastSerial &+= 1
        // The first value is no element of another one.
        if innermost.serial != 0 { outer.append(innermost) }
        innermost = OpenValue(serial: lastSerial, key: key, names: names.newScope())
        return JSONPlace(depth: UInt32(truncatingIfNeeded: outer.count), serial: lastSerial)
    }

    /// Closes a value and those in it. A value that has encoded nothing is an empty object. Returns what it was.
    @discardableResult
    mutating func close(_ place: JSONPlace) throws -> JSONKind {
        try reach(place)
        let kind = innermost.kind
        closeInnermost()
        return kind
    }

    /// Makes an open value an object or an array, unless it is one of that kind already. The elements that follow are sorted
    /// where `order` says so.
    mutating func begin(_ kind: JSONKind, _ order: JSONOrder, _ place: JSONPlace) throws {
        try reach(place)
        if innermost.kind != kind {
            try decide(kind)
            text.append(kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
        }
        if order != .encoded, innermost.unordered == nil {
            innermost.unordered = unordered.newScope(order, textCount: text.count, elements: innermost.count)
        }
    }

    /// Forgets an element that could not be encoded: the caller may catch the error, and encode another one.
    mutating func restore(_ mark: Mark, _ place: JSONPlace) {
        guard isOpen(place) else { return }
        while outer.count > place.depth { dropInnermost() }
        if innermost.kind == .object { names.removeLast(&innermost.names) }
        innermost.kind = mark.kind
        innermost.count = mark.count
        if let scope = innermost.unordered {
            unordered.shorten(scope, to: mark.textCount)
            if scope.beganAfter(mark.count) { innermost.unordered = nil }
        }
        text.shorten(to: mark.textCount)
    }

    // MARK: Elements

    /// Makes the value at `place` the innermost one. Returns its state.
    mutating func mark(_ place: JSONPlace) throws -> Mark {
        try reach(place)
        return Mark(textCount: text.count, kind: innermost.kind, count: innermost.count)
    }

    /// Begins a member of an object: its name is written, its value follows.
    mutating func beginMember(_ name: String, _ place: JSONPlace) throws {
        try reach(place)
        guard names.insert(name, &innermost.names) else { throw giveUp(.outOfOrder) }
        if innermost.count > 0 { separate() }
        innermost.count += 1
        text.append(string: name)
        text.append(UInt8(ascii: ":"))
    }

    /// Begins an element of an array. Returns its index.
    @discardableResult
    mutating func beginElement(_ place: JSONPlace) throws -> Int {
        try reach(place)
        let index = innermost.count
        if index > 0 { separate() }
        innermost.count += 1
        return index
    }

    /// Ends an element behind which another one begins.
    private mutating func separate() {
        text.append(UInt8(ascii: ","))
        if let scope = innermost.unordered { unordered.begin(innermost.count, scope, textCount: text.count) }
    }

    /// Begins the one value that stands in the place of another.
    mutating func beginSingle(_ place: JSONPlace) throws {
        try reach(place)
        try decide(.single)
    }

    // MARK: State

    /// The number of values in the one at `place`.
    func count(_ place: JSONPlace) -> Int {
        guard isOpen(place) else { return 0 }
        return place.depth == outer.count ? innermost.count : outer[Int(place.depth)].count
    }

    func codingPath(_ place: JSONPlace) -> [any CodingKey] {
        guard isOpen(place) else { return [] }
        return (outer + [innermost]).prefix(Int(place.depth) + 1).flatMap(\.key.codingKeys)
    }

    /// The path of a value in the innermost open one.
    func codingPath(of key: JSONPathKey) -> [any CodingKey] {
        outer.flatMap(\.key.codingKeys) + innermost.key.codingKeys + key.codingKeys
    }

    private func isOpen(_ place: JSONPlace) -> Bool {
        if place.depth == outer.count { return place.serial == innermost.serial }
        return place.depth < outer.count && outer[Int(place.depth)].serial == place.serial
    }

    /// Closes the values within the one at `place`, because it goes on.
    private mutating func reach(_ place: JSONPlace) throws {
        guard isOpen(place) else { throw giveUp(.outOfOrder) }
        while outer.count > place.depth { closeInnermost() }
    }

    private mutating func closeInnermost() {
        if let scope = innermost.unordered { unordered.sort(scope, &text) }
        switch innermost.kind {
        case .undecided:
            text.append(UInt8(ascii: "{"))
            text.append(UInt8(ascii: "}"))
        case .object: text.append(UInt8(ascii: "}"))
        case .array: text.append(UInt8(ascii: "]"))
        case .single: break
        }
        dropInnermost()
    }

    private mutating func dropInnermost() {
        names.end(innermost.names)
        if let scope = innermost.unordered { unordered.end(scope) }
        innermost = outer.popLast() ?? OpenValue(serial: 0)
    }

    private mutating func decide(_ kind: JSONKind) throws {
        guard innermost.kind == .undecided else {
            throw fail(codingPath(of: .none), "The value is encoded twice, as \(innermost.kind) and \(kind).")
        }
        innermost.kind = kind
    }

    // MARK: Obstacles

    private mutating func fail(_ path: [any CodingKey], _ description: String) -> any Error {
        giveUp(.failure(EncodingError.invalidValue((), .init(codingPath: path, debugDescription: description))))
    }

    /// Ends the text; the first obstacle counts. From then on no place is open.
    private mutating func giveUp(_ reason: Obstacle) -> any Error {
        outer = []
        innermost = OpenValue(serial: 0)
        let first = obstacle ?? reason
        obstacle = first
        guard case .failure(let error) = first else { return first }
        return error
    }
}

/// An open value of an output, for those that write into it. It may have closed meanwhile.
struct JSONPlace {
    let depth: UInt32
    let serial: UInt32

    /// A place that is not open.
    static var closed: JSONPlace { JSONPlace(depth: .max, serial: 0) }
}

/// The kind of an open value.
enum JSONKind {
    /// Nothing of it is encoded.
    case undecided
    /// A value without parts was encoded in its place.
    case single
    case object
    case array
}
