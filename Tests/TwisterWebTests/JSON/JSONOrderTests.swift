import FoundationEssentials
import HTTPTypes
import Testing
import TwisterTestSupport
import TwisterTesting

@testable import TwisterWeb

/// Dictionaries and sets have another order in each instance, but equal values need equal texts: the entity tag of a response
/// is made from its text.
@Suite("Order of JSON")
struct JSONOrderTests {
    private enum Suit: String, Codable, CodingKeyRepresentable { case spades, hearts }

    private struct Book: Encodable {
        var title = "x"
        var authors = ["b": 1, "a": 2, "c": 3]
        var id = 1
    }

    /// A value that is encoded by a closure.
    private struct Custom: Encodable {
        let body: (any Encoder) throws -> Void
        func encode(to encoder: any Encoder) throws { try body(encoder) }
    }

    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONBodyEncoder.encode(value), as: UTF8.self)
    }

    @Test("the keys of a dictionary are sorted, and the members of other values are not")
    func dictionaries() throws {
        #expect(try text(["b": 1, "a": 2, "c": 3]) == #"{"a":2,"b":1,"c":3}"#)
        #expect(try text(["a b": 1, "a": 2, "aa": 3, "a!": 4, "": 5]) == #"{"":5,"a":2,"a b":1,"a!":4,"aa":3}"#)
        #expect(try text(Book()) == #"{"title":"x","authors":{"a":2,"b":1,"c":3},"id":1}"#)
        #expect(
            try text([["b": [1], "a": []], [:], ["c": [2]]] as [[String: [Int]]]) == #"[{"a":[],"b":[1]},{},{"c":[2]}]"#
        )
        #expect(
            try text(["y": ["b": ["d": 1, "c": 2], "a": [:]], "x": [:]] as [String: [String: [String: Int]]])
                == #"{"x":{},"y":{"a":{},"b":{"c":2,"d":1}}}"#)
        #expect(try text([Suit.spades: 1, .hearts: 2]) == #"{"hearts":2,"spades":1}"#)
        #expect(try text([10: "b", 9: "a"]) == #"{"10":"b","9":"a"}"#)
        #expect(try text(["b": Book?.none, "a": nil]) == #"{"a":null,"b":null}"#)
    }

    @Test("the elements of a set are sorted, and the pairs of a dictionary whose keys are no texts")
    func sets() throws {
        #expect(try text(Set(["b", "a", "c"])) == #"["a","b","c"]"#)
        let names = (10..<60).map { "a\($0)" }
        #expect(try text(Set(names)) == text(names))
        let pairs = names.enumerated().map { (Double($0.offset) / 100 + 0.105, $0.element) }
        let written = pairs.map { "\($0.0),\"\($0.1)\"" }.joined(separator: ",")
        #expect(try text(Dictionary(uniqueKeysWithValues: pairs)) == "[\(written)]")
        #expect(try text(["b": Set([3, 1, 2]), "a": []]) == #"{"a":[],"b":[1,2,3]}"#)
        #expect(try text([2.5: "x", 1.5: "y", 3.5: "a"]) == #"[1.5,"y",2.5,"x",3.5,"a"]"#)
        #expect(try text([3, 1, 2]) == "[3,1,2]")
    }

    @Test("a dictionary that a value encodes in its own place, and whose members fail, is sorted as well")
    func places() throws {
        struct Refusal: Error {}
        let failing = Custom { _ in throw Refusal() }
        let value = Custom { encoder in
            var container = encoder.singleValueContainer()
            try container.encode(["b": 1, "a": 2])
        }
        #expect(try text(["y": [value], "x": []]) == #"{"x":[],"y":[{"a":2,"b":1}]}"#)
        let text = try text(
            Custom { encoder in
                var elements = encoder.unkeyedContainer()
                #expect(throws: Refusal.self) { try elements.encode(["z": [failing], "y": [], "x": []]) }
                try elements.encode(["b": 1, "a": 2])
            })
        #expect(text == #"[{"a":2,"b":1}]"#)
    }

    @Test("a dictionary that is encoded into the object of another value is sorted, behind the value's own members")
    func merged() throws {
        struct Refusal: Error {}
        let text = try text(
            Custom { encoder in
                var members = encoder.container(keyedBy: JSONTree.Key.self)
                try members.encode(1, forKey: JSONTree.Key(stringValue: "z"))
                try members.encode(2, forKey: JSONTree.Key(stringValue: "y"))
                #expect(throws: Refusal.self) {
                    // The value is no object of its own: it adds to the one around it, and fails then.
                    let failing = Custom { _ in
                        try ["q": 1, "p": 2, "o": 3].encode(to: encoder)
                        throw Refusal()
                    }
                    try members.encode(failing, forKey: JSONTree.Key(stringValue: "x"))
                }
                try ["d": 1, "c": 2, "b": 3].encode(to: encoder)
            })
        #expect(text == #"{"z":1,"y":2,"b":3,"c":2,"d":1}"#)
    }

    @Test("what is not encoded in the order of the text has a stable order too")
    func outOfOrder() throws {
        enum Key: String, CodingKey { case a, b }
        let value = Custom { encoder in
            var members = encoder.container(keyedBy: Key.self)
            var first = members.nestedUnkeyedContainer(forKey: .b)
            try members.encode(["d": 1, "c": 2], forKey: .a)
            try first.encode(1)
        }
        #expect(try text(value) == #"{"a":{"c":2,"d":1},"b":[1]}"#)
    }

    @Test("large dictionaries, of the same content, have the same text")
    func large() throws {
        let pairs = (0..<2_000).map { ("key\($0)", ["x": $0, "y": -$0]) }
        let one = Dictionary(uniqueKeysWithValues: pairs)
        var other: [String: [String: Int]] = [:]
        for (key, value) in pairs.reversed() { other[key] = value }
        #expect(try JSONBodyEncoder.encode(one) == JSONBodyEncoder.encode(other))
        let names = try #require(try JSONTree(text: JSONBodyEncoder.encode(one)).object).keys
        #expect(names.count == pairs.count)
    }

    @Test("S-15: equal content has an equal entity tag")
    func entityTags() async throws {
        let application = try Application(
            [
                URLSpec(.get, "/") { handler in
                    try handler.write(
                        json: Dictionary(uniqueKeysWithValues: ["alpha", "beta", "gamma", "delta"].map { ($0, 1) }))
                }
            ], settings: ApplicationSettings(automaticETags: true))
        try await application.test(.handler) { client in
            var tags: Set<String?> = []
            for _ in 0..<40 { tags.insert(try await client.get("/").headers[.eTag]) }
            #expect(tags.count == 1 && tags != [nil])
        }
    }
}

extension JSONTree {
    fileprivate var object: [String: JSONTree]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}
