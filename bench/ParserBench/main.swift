import HTTPTypes
import TwisterCodec

/// The cost of the parser and the encoder alone: `swift run -c release TwisterParserBench [rounds]`.

let shortRequest = """
    GET /plaintext HTTP/1.1\r
    Host: 127.0.0.1:8888\r
    Accept: */*\r
    User-Agent: bench/1.0 (loopback, 100)\r
    \r

    """
let browserRequest = """
    GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r
    Host: www.kittyhell.com\r
    User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0\r
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
    Accept-Language: ja,en-us;q=0.7,en;q=0.3\r
    Accept-Encoding: gzip, deflate, br, zstd\r
    Connection: keep-alive\r
    Upgrade-Insecure-Requests: 1\r
    Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; __utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; \
    __utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|utmcmd=referral\r
    \r

    """

let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 1_000_000 : 1_000_000
let clock = ContinuousClock()

/// Runs `body` `rounds` times, five times over, and prints the best, which other programs disturbed least.
func measure(_ name: String, octets: Int = 0, _ body: () -> Int) {
    var best = Double.infinity
    var sum = 0
    for _ in 0..<5 {
        let elapsed = clock.measure {
            for _ in 0..<rounds { sum &+= body() }
        }
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        best = min(best, seconds * 1e9 / Double(rounds))
    }
    let nanoseconds = (best * 10).rounded() / 10
    let rate = octets > 0 ? "   \((Double(octets) / best * 100).rounded() / 100) GB/s of \(octets) octets" : ""
    print("\(name): \(nanoseconds) ns\(rate)\(sum == 0 ? " (nothing done)" : "")")
}

func measureParser(_ name: String, _ text: String) {
    let octets = Array(text.utf8)
    octets.withUnsafeBytes { bytes in
        let head = RequestHead()
        var parser = RequestParser()
        measure("parse \(name)", octets: bytes.count) {
            parser.reset()
            head.reuse()
            guard case .complete(let consumed) = parser.parse(bytes, into: head) else { return 0 }
            return consumed
        }
        measure("parse \(name), framing and keep-alive") {
            parser.reset()
            head.reuse()
            guard case .complete(let consumed) = parser.parse(bytes, into: head) else { return 0 }
            guard MessageFraming.framing(of: head) == .none, head.keepAlive else { return 0 }
            return consumed
        }
        measure("look up User-Agent in \(name)") { head.firstValueBytes(for: .userAgent) { $0.count } ?? 0 }
        measure("look up what is not in \(name)") { head.contains(.ifModifiedSince) ? 0 : 1 }
    }
}

func measureEncoder() throws {
    let encoder = try ResponseEncoder(server: "Twister")
    let head = ResponseHead()
    let date = CachedDate()
    let space = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 16)
    defer { space.deallocate() }
    measure("set a Content-Type and encode a 200") {
        head.reuse()
        do { try head.set(.contentType, "text/plain; charset=utf-8") } catch { return 0 }
        guard encoder.upperBound(head) <= 1024 else { return 0 }
        return encoder.encode(
            head, framing: .length(13), persistence: .implied, date: date, at: 784_111_777, into: space)
    }
}

func measureQuery() {
    let query = Array("name=value&other=some+text&third=%C3%A9t%C3%A9".utf8)
    query.withUnsafeBytes { bytes in
        measure("three pairs of a query", octets: bytes.count) {
            var parser = QueryParser(bytes)
            var count = 0
            while let pair = parser.next() { count += pair.value.utf8.count }
            return count
        }
    }
}

measureParser("a short request", shortRequest)
measureParser("a browser's request", browserRequest)
try measureEncoder()
measureQuery()
