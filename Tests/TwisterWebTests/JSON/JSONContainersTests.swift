import FoundationEssentials
import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("JSONContainers", .serialized)
struct JSONContainersTests {
    /// A value that is encoded by a closure.
    private struct Custom: Encodable {
        let body: (any Encoder) throws -> Void
        func encode(to encoder: any Encoder) throws { try body(encoder) }
    }

    private enum Key: String, CodingKey { case a, b, c }

    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONBodyEncoder.encode(value), as: UTF8.self)
    }

    private func text(_ body: @escaping (any Encoder) throws -> Void) throws -> String { try text(Custom(body: body)) }

    // MARK: Classes

    private class Base: Encodable {
        enum Keys: String, CodingKey { case id, shared }
        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: Keys.self)
            try members.encode(1, forKey: .id)
            try members.encode("base", forKey: .shared)
        }
    }

    private final class Derived: Base {
        enum Keys: String, CodingKey { case name, shared }
        let style: Int
        init(_ style: Int) { self.style = style }
        override func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: Keys.self)
            switch style {
            case 0: try super.encode(to: encoder)
            case 1: try super.encode(to: members.superEncoder())
            case 2: try super.encode(to: members.superEncoder(forKey: .shared))
            default:
                try super.encode(to: encoder)
                try members.encode("derived", forKey: .shared)
            }
            try members.encode("x", forKey: .name)
        }
    }

    @Test("a superclass encodes into the same object, or into one of its own")
    func superclasses() throws {
        #expect(try text(Derived(0)) == #"{"id":1,"shared":"base","name":"x"}"#)
        #expect(try text(Derived(1)) == #"{"super":{"id":1,"shared":"base"},"name":"x"}"#)
        #expect(try text(Derived(2)) == #"{"shared":{"id":1,"shared":"base"},"name":"x"}"#)
    }

    @Test("a name that is encoded twice is in the object once, with its last value", arguments: [0, 31, 32, 33, 100])
    func duplicates(others: Int) throws {
        let expected: [String: JSONTree] = ["id": .integer(1), "shared": .string("derived"), "name": .string("x")]
        #expect(try JSONTree(text: JSONBodyEncoder.encode(Derived(3))) == .object(expected))
        let value = Custom { encoder in
            var members = encoder.container(keyedBy: JSONTree.Key.self)
            try members.encode(1, forKey: JSONTree.Key(stringValue: "twice"))
            for index in 0..<others { try members.encode(0, forKey: JSONTree.Key(stringValue: "\(index)")) }
            try members.encode([2], forKey: JSONTree.Key(stringValue: "twice"))
        }
        let text = try text(value)
        #expect(text.split(separator: "\"twice\"").count == 2)
        #expect(text.contains("\"twice\":[2]"))
    }

    // MARK: Order

    @Test("containers that are used in another order than that of the text")
    func outOfOrder() throws {
        let text = try text { encoder in
            var members = encoder.container(keyedBy: Key.self)
            var first = members.nestedContainer(keyedBy: Key.self, forKey: .a)
            var second = members.nestedUnkeyedContainer(forKey: .b)
            try second.encode(1)
            try? first.encode(2, forKey: .b)
            try? second.encode(3)
        }
        #expect(
            try JSONTree(text: Array(text.utf8))
                == .object(["a": .object(["b": .integer(2)]), "b": .array([.integer(1), .integer(3)])]))
    }

    @Test("containers and encoders in which nothing is encoded")
    func empty() throws {
        let text = try text { encoder in
            var members = encoder.container(keyedBy: Key.self)
            _ = members.nestedContainer(keyedBy: Key.self, forKey: .a)
            var elements = members.nestedUnkeyedContainer(forKey: .b)
            #expect(elements.count == 0)
            _ = elements.nestedUnkeyedContainer()
            _ = elements.superEncoder()
            #expect(elements.count == 2)
            _ = members.superEncoder()
        }
        #expect(text == #"{"a":{},"b":[[],{}],"super":{}}"#)
    }

    // MARK: Errors

    private struct Refusal: Error {}

    @Test("an element whose error is caught leaves no trace")
    func caught() throws {
        let failing = Custom { encoder in
            var members = encoder.container(keyedBy: Key.self)
            try members.encode([1], forKey: .a)
            var nested = members.nestedUnkeyedContainer(forKey: .b)
            try nested.encode("x")
            throw Refusal()
        }
        let text = try text { encoder in
            var members = encoder.container(keyedBy: Key.self)
            #expect(throws: Refusal.self) { try members.encode(failing, forKey: .a) }
            #expect(throws: EncodingError.self) { try members.encode(Double.nan, forKey: .a) }
            try members.encode(1, forKey: .a)
            var elements = members.nestedUnkeyedContainer(forKey: .b)
            #expect(throws: Refusal.self) { try elements.encode(failing) }
            #expect(throws: EncodingError.self) { try elements.encode(Float.infinity) }
            try elements.encode(
                Custom { encoder in
                    var value = encoder.singleValueContainer()
                    #expect(throws: Refusal.self) { try value.encode(failing) }
                    try value.encode("y")
                })
        }
        #expect(text == #"{"a":1,"b":["y"]}"#)
    }

    @Test(
        "a member whose error is caught may be encoded again, in an object of any size",
        arguments: [0, 31, 32, 33, 100])
    func caughtMember(others: Int) throws {
        let failing = Custom { _ in throw Refusal() }
        let text = try text { encoder in
            var members = encoder.container(keyedBy: JSONTree.Key.self)
            for index in 0..<others { try members.encode(0, forKey: JSONTree.Key(stringValue: "\(index)")) }
            let key = JSONTree.Key(stringValue: "again")
            #expect(throws: Refusal.self) { try members.encode(failing, forKey: key) }
            try members.encode(1, forKey: key)
        }
        // JSONEncoder, which takes over for what cannot be written in order, has no order of its own.
        #expect(text.hasSuffix("\"again\":1}"))
        #expect(text.hasPrefix(others == 0 ? "{\"again\"" : "{\"0\":0"))
    }

    @Test("numbers that JSON does not have are errors, with their path")
    func paths() throws {
        func path(_ value: some Encodable) -> String? {
            do {
                _ = try JSONBodyEncoder.encode(value)
            } catch EncodingError.invalidValue(_, let context) {
                return context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
            } catch {}
            return nil
        }
        #expect(path(Double.nan) == "")
        #expect(path([1, -Double.infinity]) == "1")
        #expect(path(["a": [[Float.nan]]]) == "a.0.0")
        #expect(path(["a": [0.5, Double?.some(.infinity)]]) == "a.1")
        #expect(path([["x": Decimal.nan]]) == "0.x")
        #expect(path(Custom { _ in }) == "")
        #expect(
            path(
                Custom { encoder in
                    var members = encoder.container(keyedBy: Key.self)
                    var nested = members.nestedContainer(keyedBy: Key.self, forKey: .c)
                    try nested.superEncoder().encodeSingle([0, Double.nan])
                }) == "c.super.1")
    }

    @Test("encoders and containers know their path")
    func codingPaths() throws {
        func names(_ path: [any CodingKey]) -> [String] { path.map(\.stringValue) }
        let probe = Custom { encoder in
            #expect(names(encoder.codingPath) == ["a", "Index 1"])
            #expect(encoder.codingPath.last?.intValue == 1)
            #expect(names(encoder.singleValueContainer().codingPath) == ["a", "Index 1"])
            var members = encoder.container(keyedBy: Key.self)
            #expect(names(members.codingPath) == ["a", "Index 1"])
            #expect(names(members.nestedUnkeyedContainer(forKey: .b).codingPath) == ["a", "Index 1", "b"])
        }
        #expect(try text(["a": [Custom { try "x".encode(to: $0) }, probe]]) == #"{"a":["x",{"b":[]}]}"#)
    }

    @Test("a value that is encoded twice is an error, and no trap")
    func twice() throws {
        #expect(throws: EncodingError.self) {
            try text { encoder in
                var value = encoder.singleValueContainer()
                try value.encode(1)
                try? value.encode(2)
            }
        }
        #expect(throws: EncodingError.self) {
            try text { encoder in
                _ = encoder.container(keyedBy: Key.self)
                _ = encoder.unkeyedContainer()
            }
        }
    }

    // MARK: Depth

    private struct Nested: Encodable {
        let depth: Int
        func encode(to encoder: any Encoder) throws {
            var elements = encoder.unkeyedContainer()
            if depth > 1 { try elements.encode(Nested(depth: depth - 1)) }
        }
    }

    @Test("values that contain each other too deep are an error")
    func depth() throws {
        let limit = JSONOutput.maxDepth
        #expect(
            try text(Nested(depth: limit)) == String(repeating: "[", count: limit)
                + String(repeating: "]", count: limit))
        for depth in [limit + 1, limit + 2, 1_000_000] {
            #expect(throws: EncodingError.self) { try text(Nested(depth: depth)) }
        }
        #expect(throws: EncodingError.self) {
            try text { encoder in
                var elements = encoder.unkeyedContainer()
                for _ in 0..<10_000 { elements = elements.nestedUnkeyedContainer() }
            }
        }
    }

    // MARK: Responses

    @Test("S-15, RH-27: the application's encoder, where it has one", arguments: testedBackends)
    func responses(_ backend: IOBackend) async throws {
        let routes = [
            URLSpec(.get, "/") { try $0.write(json: ["date": Date(timeIntervalSince1970: 0)]) },
            URLSpec(.get, "/nan") { try $0.write(json: [Double.nan]) },
        ]
        let numbers = JSONEncoder()
        numbers.dateEncodingStrategy = .secondsSince1970
        for (settings, body) in [
            (ApplicationSettings(), #"{"date":"1970-01-01T00:00:00Z"}"#),
            (ApplicationSettings(jsonEncoder: numbers), #"{"date":0}"#),
        ] {
            try await withServer(backend, try Application(routes, settings: settings)) { port in
                let client = try TestClient(port: port)
                let response = try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(response.text == body)
                #expect(response.field("Content-Type") == "application/json; charset=utf-8")
                #expect(try client.ask("GET /nan HTTP/1.1\r\nHost: a\r\n\r\n").status == 500)
            }
        }
    }
}

extension Encoder {
    fileprivate func encodeSingle(_ value: some Encodable) throws {
        var container = singleValueContainer()
        try container.encode(value)
    }
}
