import Testing
import TwisterCodec
import TwisterTestSupport

/// Entity tags and how they are compared (RFC 9110 8.8.3).
struct EntityTagTests {
    private func isListed(_ field: String, _ tag: EntityTag?, strongly: Bool) -> Bool {
        field.withOctets { tag?.isListed(in: $0, strongly: strongly) ?? false }
    }

    @Test("the characters of a tag, and its form in a field")
    func text() {
        #expect(EntityTag("a-1")?.text == #""a-1""#)
        #expect(EntityTag("a", isWeak: true)?.text == #"W/"a""#)
        #expect(EntityTag("")?.text == #""""#)
        #expect(EntityTag("ä,!")?.text == #""ä,!""#)
        for text in ["a b", "a\"b", "a\r\nb", "a\u{7F}", "\t", "\0"] { #expect(EntityTag(text) == nil, "\(text)") }
    }

    @Test("RFC 9110 8.8.3.2: the table of comparisons")
    func comparison() {
        let (strong, weak) = (EntityTag("1"), EntityTag("1", isWeak: true))
        for (tag, field, strongly, weakly) in [
            (weak, #"W/"1""#, false, true), (weak, #"W/"2""#, false, false), (weak, #""1""#, false, true),
            (strong, #"W/"1""#, false, true), (strong, #""1""#, true, true), (strong, #""2""#, false, false),
            (strong, #""01""#, false, false), (strong, #"w/"1""#, false, false), (strong, "1", false, false),
        ] {
            #expect(isListed(field, tag, strongly: true) == strongly, "\(field)")
            #expect(isListed(field, tag, strongly: false) == weakly, "\(field)")
        }
    }

    @Test("lists of tags, which may hold commas")
    func lists() {
        let tag = EntityTag("x,y")
        for field in [#""x,y""#, #""a", "x,y""#, #",, "a",W/"x,y" , "b""#, #""a","x,y""#] {
            #expect(isListed(field, tag, strongly: false), "\(field)")
        }
        for field in [
            "", ",", #""x", "y""#, #""x"#, #""a" "x,y""#, #"a, "x,y""#, #"W/, "x,y""#, #""x,y"z"#, "\"x,y\"\u{0}",
            #"W"x,y""#,
        ] {
            #expect(!isListed(field, tag, strongly: false), "\(field)")
        }
    }

    @Test("a long list costs linear time")
    func linear() {
        let tag = EntityTag("none")
        let time = { (count: Int) in
            let field = String(repeating: #"W/"a","#, count: count)
            return processorTime { for _ in 0..<4 { _ = isListed(field, tag, strongly: false) } }
        }
        _ = time(1_000)
        #expect(time(40_000) < time(4_000) * 40)
    }

    @Test("N-31, N-32: the tag of a representation in a coding is another one, as strong or weak as before")
    func coded() throws {
        let strong = try #require(EntityTag("abc"))
        let weak = try #require(EntityTag("abc", isWeak: true))
        #expect(strong.coded("gzip").text == #""abc-gzip""# && !strong.coded("gzip").isWeak)
        #expect(weak.coded("br").text == #"W/"abc-br""# && weak.coded("br").isWeak)
        #expect(EntityTag("")?.coded("zstd").text == #""-zstd""#)
        #expect(strong.coded("br") == EntityTag(EntityTag.opaque("abc", coding: "br")))
    }

    @Test("the value of an ETag field")
    func field() {
        for text in [#""abc""#, #"W/"abc""#, #""""#, #"W/"ä,!""#] { #expect(EntityTag(field: text)?.text == text) }
        for text in [
            "", "\"", "abc", #""abc"#, #"abc""#, #"w/"abc""#, #"W/abc"#, #""a"b""#, #""a b""#, #" "a""#, "W/\"",
        ] {
            #expect(EntityTag(field: text) == nil, "\(text)")
        }
    }

    @Test(
        "a condition lists the tag in a coding, too, if that coding is asked for",
        arguments: [
            (#""abc-gzip""#, true, true), (#"W/"abc-gzip""#, false, true), (#""abc-br""#, false, false),
            (#""abc""#, true, true), (#""abc-""#, false, false), (#""abcgzip""#, false, false),
            (#""abc-gzip-gzip""#, false, false), (#""ab-gzip""#, false, false), (#""x", "abc-zstd""#, true, true),
            (#""abc-GZIP""#, false, false),
        ])
    func codings(field: String, strongly: Bool, weakly: Bool) throws {
        let tag = try #require(EntityTag("abc"))
        let codings: [StaticString] = ["gzip", "zstd"]
        field.withOctets { octets in
            #expect(tag.isListed(in: octets, strongly: true, codings: codings) == strongly)
            #expect(tag.isListed(in: octets, strongly: false, codings: codings) == weakly)
        }
        var conditions = Preconditions()
        conditions.ifMatch = field
        #expect(conditions.evaluate(tag: tag, lastModified: 0, now: 0, codings: codings) == (strongly ? .met : .failed))
        // A 304 is about the very response that the client would get.
        conditions = Preconditions()
        conditions.ifNoneMatch = field
        let outcome = conditions.evaluate(tag: tag, lastModified: 0, now: 0, codings: codings)
        #expect(outcome == (field == #""abc""# ? .notModified : .met))
        let sent = conditions.evaluate(
            tag: tag, sentTag: tag.coded("gzip"), lastModified: 0, now: 0, codings: codings)
        #expect(sent == (field.hasSuffix(#""abc-gzip""#) ? .notModified : .met))
    }
}
