import Testing

@testable import TwisterCodec

/// A message and the expected result. `id` names the row of the feature list or the class of attack.
struct ValidRow: Sendable, CustomTestStringConvertible {
    let id: String
    let text: String
    let form: RequestHead.TargetForm
    let path: String
    let query: String
    let host: String

    init(
        _ id: String, _ text: String, form: RequestHead.TargetForm = .origin, path: String = "/", query: String = "",
        host: String = "h"
    ) {
        self.id = id
        self.text = text
        self.form = form
        self.path = path
        self.query = query
        self.host = host
    }

    var testDescription: String { id }
}

struct InvalidRow: Sendable, CustomTestStringConvertible {
    let id: String
    let text: String
    let error: ParseError

    init(_ id: String, _ text: String, _ error: ParseError) {
        self.id = id
        self.text = text
        self.error = error
    }

    var testDescription: String { id }
}

private let end = "\r\nHost: h\r\n\r\n"

private let validRows: [ValidRow] = [
    ValidRow("plain", "GET / HTTP/1.1\(end)"),
    ValidRow("query", "GET /a/b?x=1&y=2 HTTP/1.1\(end)", path: "/a/b", query: "x=1&y=2"),
    ValidRow("two question marks", "GET /?a?b HTTP/1.1\(end)", query: "a?b"),
    ValidRow("percent", "GET /%2F%zz HTTP/1.1\(end)", path: "/%2F%zz"),
    ValidRow("double slash", "GET //a HTTP/1.1\(end)", path: "//a"),
    ValidRow("dots stay", "GET /../a HTTP/1.1\(end)", path: "/../a"),
    ValidRow("browser's query", "GET /?q={\"a\"}|^`\\[] HTTP/1.1\(end)", query: "q={\"a\"}|^`\\[]"),
    ValidRow("browser's path", "GET /a|b[c] HTTP/1.1\(end)", path: "/a|b[c]"),
    ValidRow(
        "long path", "GET /\(String(repeating: "abc-_~", count: 9)) HTTP/1.1\(end)",
        path: "/\(String(repeating: "abc-_~", count: 9))"),
    ValidRow("W-25 one empty line", "\r\nGET / HTTP/1.1\(end)"),
    ValidRow("W-25 two empty lines", "\r\n\r\nGET / HTTP/1.1\(end)"),
    ValidRow("W-25 eight empty lines", String(repeating: "\r\n", count: 8) + "GET / HTTP/1.1\(end)"),
    ValidRow(
        "W-16 absolute form", "GET http://a.example:81/p?q HTTP/1.1\(end)", form: .absolute, path: "/p",
        query: "q", host: "a.example:81"),
    ValidRow(
        "W-16 absolute form without path", "GET HTTP://a.example HTTP/1.1\(end)", form: .absolute,
        host: "a.example"),
    ValidRow(
        "W-16 absolute form, query only", "GET https://a.example?q HTTP/1.1\(end)", form: .absolute, query: "q",
        host: "a.example"),
    ValidRow("absolute form, empty Host", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", form: .absolute, host: "a"),
    ValidRow("W-17 asterisk", "OPTIONS * HTTP/1.1\(end)", form: .asterisk, path: "*"),
    ValidRow("authority", "CONNECT a.example:443 HTTP/1.1\(end)", form: .authority, path: "", host: "a.example:443"),
    ValidRow("authority v6", "CONNECT [::1]:443 HTTP/1.1\(end)", form: .authority, path: "", host: "[::1]:443"),
    ValidRow("W-27 HTTP/1.9", "GET / HTTP/1.9\(end)"),
    ValidRow("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", host: ""),
    ValidRow("HTTP/1.0 with empty Host", "GET / HTTP/1.0\r\nHost:\r\n\r\n", host: ""),
    ValidRow("other method", "PROPFIND / HTTP/1.1\(end)"),
    ValidRow("odd method", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\(end)"),
    ValidRow("lower-case method", "get / HTTP/1.1\(end)"),
    ValidRow("Host v6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", host: "[2001:db8::1]:80"),
    ValidRow("Host v4", "GET / HTTP/1.1\r\nhOST:127.0.0.1\r\n\r\n", host: "127.0.0.1"),
    ValidRow("Host empty port", "GET / HTTP/1.1\r\nHost: h:\r\n\r\n", host: "h:"),
    ValidRow("OWS", "GET / HTTP/1.1\r\nHost:\t  h \t \r\nA:\r\nB: \t \r\nC: a \t b\r\n\r\n"),
    ValidRow("obs-text", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{e9}\u{20ac}\r\n\r\n"),
]

private let invalidRows: [InvalidRow] = [
    InvalidRow("nine empty lines", String(repeating: "\r\n", count: 9) + "GET / HTTP/1.1\(end)", .tooManyEmptyLines),
    InvalidRow("bare LF before", "\nGET / HTTP/1.1\(end)", .bareLineFeed),
    InvalidRow("bare CR before", "\rGET / HTTP/1.1\(end)", .bareCarriageReturn),
    InvalidRow("space before", " GET / HTTP/1.1\(end)", .malformedMethod),
    InvalidRow("no method", "/ HTTP/1.1\(end)", .malformedMethod),
    InvalidRow("method is no token", "GE(T / HTTP/1.1\(end)", .malformedMethod),
    InvalidRow("TLS hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", .malformedMethod),
    InvalidRow("tab after method", "GET\t/ HTTP/1.1\(end)", .malformedMethod),
    InvalidRow("two spaces", "GET  / HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("two spaces later", "GET /  HTTP/1.1\(end)", .malformedVersion),
    InvalidRow("space at the end", "GET / HTTP/1.1 \(end)", .malformedVersion),
    InvalidRow("HTTP/0.9", "GET /\(end)", .malformedTarget),
    InvalidRow("fragment", "GET /a#b HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("fragment in query", "GET /a?b#c HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("NUL in target", "GET /\0 HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("DEL in target", "GET /\u{7f} HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("DEL in query", "GET /?aaaaaaaaaaaaaaaaaaa\u{7f} HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("DEL in a long path", "GET /aaaaaaaaaaaaaaaaaaaa\u{7f} HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("non-ASCII host in URI", "GET http://\u{e9}/ HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("quote in URI's host", "GET http://a\"b/ HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("backslash in URI's host", "GET http://a\\b/ HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("non-ASCII target without slash", "GET \u{e9} HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("CONNECT with non-ASCII host", "CONNECT \u{e9}:443 HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("CONNECT with brace", "CONNECT {a}:443 HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("CR in target", "GET /\rX HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("relative target", "GET a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("query alone", "GET ?a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("other scheme", "GET ftp://a/ HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("no host in URI", "GET http:///a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("no host, port only", "GET http://:80/a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("query in scheme", "GET http:/?/a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("userinfo", "GET http://u:p@a/ HTTP/1.1\(end)", .userinfoInTarget),
    InvalidRow("bad port in URI", "GET http://a:65536/ HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("asterisk with GET", "GET * HTTP/1.1\(end)", .targetFormNotAllowed),
    InvalidRow("asterisk with more", "OPTIONS *a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("CONNECT with path", "CONNECT /a HTTP/1.1\(end)", .targetFormNotAllowed),
    InvalidRow("CONNECT with URI", "CONNECT http://a:80/ HTTP/1.1\(end)", .targetFormNotAllowed),
    InvalidRow("CONNECT without port", "CONNECT a HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("CONNECT with userinfo", "CONNECT u@a:1 HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("authority with GET", "GET a:80 HTTP/1.1\(end)", .malformedTarget),
    InvalidRow("W-12 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
    InvalidRow("HTTP/0.9 named", "GET / HTTP/0.9\(end)", .unsupportedVersion),
    InvalidRow("HTTP/3.0", "GET / HTTP/3.0\(end)", .unsupportedVersion),
    InvalidRow("http/1.1", "GET / http/1.1\(end)", .malformedVersion),
    InvalidRow("HTTP/1.10", "GET / HTTP/1.10\(end)", .malformedVersion),
    InvalidRow("HTTP/1", "GET / HTTP/1\(end)", .malformedVersion),
    InvalidRow("HTTP/1,1", "GET / HTTP/1,1\(end)", .malformedVersion),
    InvalidRow("HTTP/1.x", "GET / HTTP/1.x\(end)", .malformedVersion),
    InvalidRow("HTTP/A.1", "GET / HTTP/A.1\(end)", .malformedVersion),
    InvalidRow("W-18 bare LF after request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", .bareLineFeed),
    InvalidRow("W-18 bare LF after field", "GET / HTTP/1.1\r\nHost: h\n\r\n", .bareLineFeed),
    InvalidRow("W-18 bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", .bareLineFeed),
    InvalidRow("bare CR after request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", .bareCarriageReturn),
    InvalidRow("bare CR in value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", .bareCarriageReturn),
    InvalidRow("bare CR at the end", "GET / HTTP/1.1\r\nHost: h\r\n\rX", .bareCarriageReturn),
    InvalidRow("NUL in value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n", .controlCharacter),
    InvalidRow("DEL in value", "GET / HTTP/1.1\r\nHost: h\r\nA: bbbbbbbbbbbbbbbbbbb\u{7f}\r\n\r\n", .controlCharacter),
    InvalidRow("VT in value", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{b}\r\n\r\n", .controlCharacter),
    InvalidRow("NUL in name", "GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n", .malformedFieldName),
    InvalidRow("W-18 obs-fold", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
    InvalidRow("W-18 obs-fold, tab", "GET / HTTP/1.1\r\nHost: h\r\n\tc\r\n\r\n", .obsoleteFold),
    InvalidRow("fold before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", .whitespaceBeforeFields),
    InvalidRow("W-19 space before colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", .whitespaceBeforeColon),
    InvalidRow("W-19 tab before colon", "GET / HTTP/1.1\r\nHost\t: h\r\n\r\n", .whitespaceBeforeColon),
    InvalidRow("space in name", "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n", .whitespaceBeforeColon),
    InvalidRow("empty name", "GET / HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n", .malformedFieldName),
    InvalidRow("no colon", "GET / HTTP/1.1\r\nHost: h\r\nAbc\r\n\r\n", .malformedFieldName),
    InvalidRow("non-ASCII name", "GET / HTTP/1.1\r\nHost: h\r\nA\u{e9}: b\r\n\r\n", .malformedFieldName),
    InvalidRow("quoted name", "GET / HTTP/1.1\r\nHost: h\r\n\"A\": b\r\n\r\n", .malformedFieldName),
    InvalidRow("W-11 no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", .missingHost),
    InvalidRow("W-11 no fields", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    InvalidRow("W-11 two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHOST: h\r\n\r\n", .duplicateHost),
    InvalidRow("two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: h\r\nA: b\r\nHost: i\r\n\r\n", .duplicateHost),
    InvalidRow("two Hosts, absolute", "GET http://a/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", .duplicateHost),
    InvalidRow("absolute without Host", "GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
    InvalidRow("empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", .emptyHost),
    InvalidRow("Host is a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .emptyHost),
    InvalidRow("Host with user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", .malformedHost),
    InvalidRow("Host with path", "GET / HTTP/1.1\r\nHost: h/a\r\n\r\n", .malformedHost),
    InvalidRow("Host list", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", .malformedHost),
    InvalidRow("Host with space", "GET / HTTP/1.1\r\nHost: h i\r\n\r\n", .malformedHost),
    InvalidRow("Host bad port", "GET / HTTP/1.1\r\nHost: h:8a\r\n\r\n", .malformedHost),
    InvalidRow("Host big port", "GET / HTTP/1.1\r\nHost: h:70000\r\n\r\n", .malformedHost),
    InvalidRow("Host two ports", "GET / HTTP/1.1\r\nHost: h:80:80\r\n\r\n", .malformedHost),
    InvalidRow("Host bad in 1.0", "GET / HTTP/1.0\r\nHost: h/a\r\n\r\n", .malformedHost),
    InvalidRow("Host bad, absolute", "GET http://a/ HTTP/1.1\r\nHost: h/a\r\n\r\n", .malformedHost),
    InvalidRow("Host v6 open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .malformedHost),
    InvalidRow("Host v6 bare", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", .malformedHost),
    InvalidRow("Host percent", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", .malformedHost),
    InvalidRow("Host non-ASCII", "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n", .malformedHost),
]

@Suite("Request parser")
struct RequestParserTests {
    @Test("N-25: well-formed heads", arguments: validRows)
    func validHead(row: ValidRow) throws {
        let octets = Array(row.text.utf8)
        let outcome = parseEveryWay(octets)
        guard case .complete(let consumed, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(consumed == octets.count)
        let head = try parsedHead(row.text)
        #expect(head.targetForm == row.form)
        #expect(head.path == row.path)
        #expect(head.query == row.query)
        #expect(head.host == row.host)
    }

    @Test("N-25: malformed heads", arguments: invalidRows)
    func invalidHead(row: InvalidRow) {
        #expect(parseEveryWay(row.text) == .invalid(row.error))
    }

    @Test("N-23: each defect has its status")
    func statuses() {
        #expect(ParseError.unsupportedVersion.status == 505)
        #expect(ParseError.requestLineTooLong.status == 414)
        #expect(ParseError.headersTooLarge.status == 431)
        #expect(ParseError.tooManyFields.status == 431)
        #expect(ParseError.unsupportedTransferCoding.status == 501)
        #expect(ParseError.allCases.allSatisfy { (400...505).contains($0.status) && !$0.reason.isEmpty })
    }

    @Test("H1-10: a pipelined request is left unread")
    func pipelined() {
        let first = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
        let octets = Array((first + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").utf8)
        guard case .complete(let consumed, _) = parseEveryWay(octets) else {
            Issue.record("not complete")
            return
        }
        #expect(consumed == first.utf8.count)
    }

    @Test("Limits are exact to the octet")
    func limits() {
        let limits = ParserLimits(requestLine: 40, headerBlock: 100, fieldCount: 3)
        let line = { (count: Int) in "GET /" + String(repeating: "a", count: count - 14) + " HTTP/1.1\r\n" }
        let isComplete = { (outcome: ParseOutcome) in if case .complete = outcome { true } else { false } }
        #expect(isComplete(parseEveryWay(line(40) + "Host: h\r\n\r\n", limits: limits)))
        #expect(parseEveryWay(line(41) + "Host: h\r\n\r\n", limits: limits) == .invalid(.requestLineTooLong))
        #expect(parseEveryWay(line(47) + "Host: h\r\n\r\n", limits: limits) == .invalid(.requestLineTooLong))
        #expect(parseEveryWay(line(300), limits: limits) == .invalid(.requestLineTooLong))
        #expect(
            parseEveryWay("GET /?" + String(repeating: "a", count: 40), limits: limits)
                == .invalid(.requestLineTooLong))
        #expect(parseEveryWay(String(repeating: "A", count: 41) + " / ", limits: limits) == .invalid(.methodTooLong))

        let block = { (count: Int) in
            "GET / HTTP/1.1\r\nHost: h\r\nA: " + String(repeating: "b", count: count - 32) + "\r\n\r\n"
        }
        #expect(block(100).utf8.count == 100)
        #expect(isComplete(parseEveryWay(block(100), limits: limits)))
        #expect(parseEveryWay(block(101), limits: limits) == .invalid(.headersTooLarge))
        #expect(parseEveryWay(block(300), limits: limits) == .invalid(.headersTooLarge))
        #expect(
            parseEveryWay("GET / HTTP/1.1\r\n" + String(repeating: "A", count: 90), limits: limits)
                == .invalid(.headersTooLarge))

        #expect(isComplete(parseEveryWay("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\n\r\n", limits: limits)))
        #expect(
            parseEveryWay("GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\n\r\n", limits: limits)
                == .invalid(.tooManyFields))
    }

    @Test("swift-nio #3608: a flood of fields is refused")
    func fieldFlood() {
        let fields = String(repeating: "a:\r\n", count: 101)
        #expect(
            ParseOutcome.of(
                Array("GET / HTTP/1.1\r\n\(fields)\r\n".utf8), cuts: [], in: GuardedBuffer(capacity: 1024))
                == .invalid(.tooManyFields))
    }

    @Test("A head that is used again has nothing of the request before")
    func reuse() {
        let head = RequestHead()
        var parser = RequestParser()
        let first = Array("POST /a?b HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n".utf8)
        #expect(first.withUnsafeBytes { parser.parse($0, into: head) } == .complete(consumed: first.count))
        #expect(MessageFraming.framing(of: head) == .length(5))
        parser.reset()
        head.reuse()
        let second = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        #expect(second.withUnsafeBytes { parser.parse($0, into: head) } == .complete(consumed: second.count))
        #expect(MessageFraming.framing(of: head) == .none)
        #expect(head.query.isEmpty && !head.hasQuery && head.fieldCount == 1 && head.method == .get)
    }

    @Test("A connection is idle until the first octet of a request line")
    func idle() {
        let head = RequestHead()
        var parser = RequestParser()
        let octets = Array("\r\nG".utf8)
        #expect(
            octets.withUnsafeBytes { parser.parse(UnsafeRawBufferPointer(rebasing: $0[..<2]), into: head) }
                == .needMore)
        #expect(parser.isIdle)
        #expect(octets.withUnsafeBytes { parser.parse($0, into: head) } == .needMore)
        #expect(!parser.isIdle)
    }
}
