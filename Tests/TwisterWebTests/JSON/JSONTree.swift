import FoundationEssentials
import TwisterTestSupport

/// Any JSON value: what a test reads back from a text, and a random value that it encodes in one of the ways that Swift's
/// containers offer.
indirect enum JSONTree: Codable, Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONTree])
    case object([String: JSONTree])

    struct Key: CodingKey {
        let stringValue: String
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
        var intValue: Int? { nil }
    }

    /// The value of a text, by Foundation.
    init(text: [UInt8]) throws {
        self = try JSONDecoder().decode(JSONTree.self, from: Data(text))
    }

    init(from decoder: any Decoder) throws {
        if let members = try? decoder.container(keyedBy: Key.self) {
            var object: [String: JSONTree] = [:]
            for key in members.allKeys { object[key.stringValue] = try members.decode(JSONTree.self, forKey: key) }
            self = .object(object)
        } else if var elements = try? decoder.unkeyedContainer() {
            var array: [JSONTree] = []
            while !elements.isAtEnd { array.append(try elements.decode(JSONTree.self)) }
            self = .array(array)
        } else {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .null
            } else if let bool = try? value.decode(Bool.self) {
                self = .bool(bool)
            } else if let integer = try? value.decode(Int.self) {
                self = .integer(integer)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else {
                self = .string(try value.decode(String.self))
            }
        }
    }

    /// Which containers hold the values depends on the values alone, so that two encoders get the same calls.
    func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var value = encoder.singleValueContainer()
            try value.encodeNil()
        case .bool(let bool): try bool.encode(to: encoder)
        case .integer(let integer):
            var value = encoder.singleValueContainer()
            try value.encode(integer)
        case .number(let number): try number.encode(to: encoder)
        case .string(let string): try string.encode(to: encoder)
        case .array(let array):
            var elements = encoder.unkeyedContainer()
            for element in array { try element.append(to: &elements) }
        case .object(let object):
            var members = encoder.container(keyedBy: Key.self)
            for (name, member) in object { try member.set(Key(stringValue: name), in: &members) }
        }
    }

    private func append(to elements: inout any UnkeyedEncodingContainer) throws {
        switch self {
        case .null: try elements.encodeNil()
        case .integer(let integer): try elements.encode(integer)
        case .array(let array) where array.count % 2 == 0:
            var nested = elements.nestedUnkeyedContainer()
            for element in array { try element.append(to: &nested) }
        case .object(let object) where object.count % 2 == 0:
            var nested = elements.nestedContainer(keyedBy: Key.self)
            for (name, member) in object { try member.set(Key(stringValue: name), in: &nested) }
        case .string: try encode(to: elements.superEncoder())
        default: try elements.encode(self)
        }
    }

    private func set(_ key: Key, in members: inout KeyedEncodingContainer<Key>) throws {
        switch self {
        case .null: try members.encodeNil(forKey: key)
        case .string(let string): try members.encode(string, forKey: key)
        case .array(let array) where array.count % 2 == 0:
            var nested = members.nestedUnkeyedContainer(forKey: key)
            for element in array { try element.append(to: &nested) }
        case .object(let object) where object.count % 2 == 0:
            var nested = members.nestedContainer(keyedBy: Key.self, forKey: key)
            for (name, member) in object { try member.set(Key(stringValue: name), in: &nested) }
        case .bool: try encode(to: members.superEncoder(forKey: key))
        default: try members.encode(self, forKey: key)
        }
    }

    static func random(_ generator: inout SeededGenerator, depth: Int = 0) -> JSONTree {
        switch Int.random(in: 0..<(depth < 5 ? 9 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator))
        case 3:
            let number = Double(bitPattern: generator.next())
            return .number(number.isFinite ? number : 0.1)
        case 4, 5: return .string(randomString(&generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0..<6, using: &generator)).map { _ in .random(&generator, depth: depth + 1) })
        default:
            var object: [String: JSONTree] = [:]
            for _ in 0..<Int.random(in: 0..<(40 >> depth) + 1, using: &generator) {
                object[randomString(&generator)] = .random(&generator, depth: depth + 1)
            }
            return .object(object)
        }
    }

    /// Characters that need escapes, and those beside them, in all positions of a word of eight octets.
    static func randomString(_ generator: inout SeededGenerator) -> String {
        let scalars: [Unicode.Scalar] = [
            "\"", "\\", "/", "<", "\0", "\u{1F}", "\u{7F}", "\n", "ü", "\u{2028}", "😀", " ", "!",
        ]
        let count = Int.random(in: 0..<30, using: &generator)
        var string = String.UnicodeScalarView()
        for _ in 0..<count {
            let isPlain = Int.random(in: 0..<4, using: &generator) > 0
            string.append(isPlain ? "a" : scalars[Int.random(in: 0..<scalars.count, using: &generator)])
        }
        return String(string)
    }
}
