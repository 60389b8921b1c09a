/// A value that JSON writes as one word: a string, a number, `true` or `false`.
protocol JSONScalar: Encodable {
    /// Whether JSON has this value: it has no infinite numbers, and none that are not a number (RFC 8259, 6).
    var isInJSON: Bool { get }
    func append(to text: inout JSONText)
}

extension JSONScalar {
    var isInJSON: Bool { true }
}

extension JSONScalar where Self: FixedWidthInteger {
    func append(to text: inout JSONText) { text.append(plain: description) }
}

extension JSONScalar where Self: BinaryFloatingPoint & CustomStringConvertible {
    var isInJSON: Bool { isFinite }

    /// The fewest digits that give the same number when they are read. A number without a fraction is written without one.
    func append(to text: inout JSONText) {
        let digits = description
        text.append(plain: digits)
        if digits.hasSuffix(".0") { text.shorten(to: text.count - 2) }
    }
}

extension String: JSONScalar {
    func append(to text: inout JSONText) { text.append(string: self) }
}

extension Bool: JSONScalar {
    func append(to text: inout JSONText) { text.append(plain: self ? "true" : "false") }
}

extension Double: JSONScalar {}
extension Float: JSONScalar {}
extension Int: JSONScalar {}
extension Int8: JSONScalar {}
extension Int16: JSONScalar {}
extension Int32: JSONScalar {}
extension Int64: JSONScalar {}
extension Int128: JSONScalar {}
extension UInt: JSONScalar {}
extension UInt8: JSONScalar {}
extension UInt16: JSONScalar {}
extension UInt32: JSONScalar {}
extension UInt64: JSONScalar {}
extension UInt128: JSONScalar {}
