import Testing

@testable import TwisterWebSocket

@Suite("Negotiation")
struct NegotiationTests {
    @Test("WS-14: the key's response is that of the RFC, and keys that are no 16 bytes are none")
    func key() {
        #expect(AcceptKey.response(to: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(AcceptKey.isKey(AcceptKey.new()))
        for key in ["", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhl!HNhbXBsZSBub25jZQ=="] {
            #expect(!AcceptKey.isKey(key), "\(key)")
        }
    }

    @Test("WS-10: lists of extensions are read as the RFC has them")
    func lists() throws {
        let list = try #require(ExtensionList("foo, Bar; a; b=1 ;c=\"x\" , ,baz;q=\"\\y\""))
        #expect(list.extensions.map(\.name) == ["foo", "bar", "baz"])
        #expect(list.extensions[1].parameters.map(\.name) == ["a", "b", "c"])
        #expect(list.extensions[1].parameters.map(\.value) == [nil, "1", "x"])
        #expect(list.extensions[2].parameters.map(\.value) == ["y"])
        #expect(ExtensionList("")?.extensions.isEmpty == true)
        for malformed in [
            "foo bar", "foo;", "foo;=1", "foo; a=", "foo; a=\"", "foo; a=\"b c\"", "foo/bar", ";a", "foo; a=\"\"",
        ] {
            #expect(ExtensionList(malformed) == nil, "\(malformed)")
        }
    }

    private func response(_ offer: String, _ options: WebSocketCompression) throws -> String? {
        DeflateParameters.accept(try #require(ExtensionList(offer)), options)?.response
    }

    @Test("WS-10: the parameters of permessage-deflate are agreed on, and malformed offers are declined")
    func agreement() throws {
        let keeping = WebSocketCompression(contextTakeover: true)
        #expect(try response("permessage-deflate", keeping) == "permessage-deflate")
        #expect(
            try response("permessage-deflate; client_max_window_bits", keeping) == "permessage-deflate")
        #expect(
            try response("permessage-deflate; server_max_window_bits=8", keeping)
                == "permessage-deflate; server_max_window_bits=8")
        #expect(
            try response(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=10",
                keeping)
                == "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=10"
        )
        #expect(
            try response("permessage-deflate", WebSocketCompression())
                == "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        #expect(
            try response(
                "permessage-deflate; client_max_window_bits",
                WebSocketCompression(maxWindowBits: 9, contextTakeover: true))
                == "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9")
        for declined in [
            "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; unknown",
            "permessage-deflate; client_max_window_bits; client_max_window_bits", "x-webkit-deflate-frame",
        ] {
            #expect(try response(declined, keeping) == nil, "\(declined)")
        }
        // A later offer is taken where an earlier one cannot be.
        #expect(
            try response("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10", keeping)
                == "permessage-deflate; server_max_window_bits=10")
    }

    @Test("WS-10: a client takes what it has offered, and nothing else")
    func clientSide() throws {
        func accepted(_ response: String, _ options: WebSocketCompression) throws -> DeflateParameters? {
            DeflateParameters(response: try #require(ExtensionList(response)?.extensions.first).parameters, options)
        }
        let keeping = WebSocketCompression(contextTakeover: true)
        #expect(try accepted("permessage-deflate", keeping) != nil)
        #expect(try accepted("permessage-deflate; client_max_window_bits=9", keeping)?.clientMaxWindowBits == 9)
        #expect(try accepted("permessage-deflate; client_max_window_bits", keeping) == nil)
        #expect(try accepted("permessage-deflate; mystery=1", keeping) == nil)
        // It has asked the server not to keep a context, and cannot follow one that does.
        #expect(try accepted("permessage-deflate", WebSocketCompression()) == nil)
    }
}
