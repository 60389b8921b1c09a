import Testing
import TwisterCodec
import TwisterWeb

/// RH-19, RH-20: the `Set-Cookie` field. The expected texts are what Tornado 6.6.1 sends.
@Suite("SetCookie")
struct SetCookieTests {
    private func error(_ cookie: SetCookie) -> SetCookieError? {
        do throws(SetCookieError) {
            _ = try cookie.encoded()
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "RH-19: values are quoted as Tornado quotes them",
        arguments: [
            ("value", "value"), ("", #""""#), ("b,c", #""b\054c""#), ("b\"c", #""b\"c""#), ("b\\c", #""b\\c""#),
            ("b;c", #""b\073c""#), ("\u{e9}", #""\351""#), ("\u{ff}\u{80}", #""\377\200""#), ("\u{7f}", #""\177""#),
            ("2|1:0|4:dmFsdWU=", #""2|1:0|4:dmFsdWU=""#), ("(x)/<y>=?@[z]{}", #""(x)/<y>=?@[z]{}""#),
            ("!#$%&'*+-.^_`|~:", "!#$%&'*+-.^_`|~:"),
        ])
    func values(value: String, quoted: String) throws {
        #expect(try SetCookie(name: "a", value: value).encoded() == "a=\(quoted); Path=/")
        let octets = Array(quoted.utf8)
        #expect(octets.withUnsafeBytes(CookieParser.unquoted) == value)
    }

    @Test("RH-19: each character of Latin-1 is refused, plain, quoted or escaped as in Tornado, and reads back")
    func characters() throws {
        // x: an error, p: plain, q: in quotes, b: behind a backslash, o: three octal digits.
        let kinds =
            String(repeating: "x", count: 33) + "pbpppppqqppoppqpppppppppppoqqqqqppppppppppppppppppppppppp"
            + "pqbqpppppppppppppppppppppppppppppqpqpo" + String(repeating: "o", count: 128)
        let numbers: ClosedRange<UInt8> = 0...255
        #expect(kinds.count == numbers.count)
        for (number, kind) in zip(numbers, kinds) {
            let value = String(Unicode.Scalar(number))
            let digits = String(number, radix: 8)
            let octal = String(repeating: "0", count: 3 - digits.count) + digits
            let expected: String? =
                switch kind {
                case "p": value
                case "q": "\"\(value)\""
                case "b": "\"\\\(value)\""
                case "o": "\"\\\(octal)\""
                default: nil
                }
            let encoded = try? SetCookie(name: "n", value: value, path: "").encoded()
            #expect(encoded == expected.map { "n=\($0)" }, "character \(number)")
            guard let expected else { continue }
            #expect(Array(expected.utf8).withUnsafeBytes(CookieParser.unquoted) == value)
        }
        #expect(error(SetCookie(name: "n", value: "\u{4e16}")) == .unencodableValue(name: "n"))
        #expect(error(SetCookie(name: "n", value: "a\r\nSet-Cookie: b")) == .controlCharacterInValue(name: "n"))
    }

    @Test("RH-19: all attributes, in Tornado's order")
    func attributes() throws {
        var cookie = SetCookie(
            name: "full", value: "1", domain: "example.com", path: "/cookie", expires: 1_893_553_445,
            maxAge: .seconds(3600), httpOnly: true, secure: true, sameSite: .strict)
        let expected =
            "full=1; Domain=example.com; expires=Wed, 02 Jan 2030 03:04:05 GMT; HttpOnly; Max-Age=3600; Path=/cookie; "
            + "SameSite=Strict; Secure"
        #expect(try cookie.encoded() == expected)
        cookie.partitioned = true
        cookie.sameSite = .none
        #expect(
            try cookie.encoded()
                == expected.replacing("; Path", with: "; Partitioned; Path").replacing("Strict", with: "None"))
        #expect(
            try SetCookie(name: "a", value: "1", domain: "", path: "", sameSite: .lax).encoded() == "a=1; SameSite=Lax")
        #expect(try SetCookie(name: "a", value: "1", maxAge: .seconds(-1)).encoded() == "a=1; Max-Age=-1; Path=/")
        #expect(try SetCookie(name: "a", value: "1", maxAge: .milliseconds(1)).encoded() == "a=1; Max-Age=1; Path=/")
    }

    @Test("RH-19: extreme times do not trap, and are dates that browsers read")
    func extremes() throws {
        let first = try SetCookie(name: "a", value: "1", expires: .min, maxAge: .seconds(Int64.min)).encoded()
        #expect(first == "a=1; expires=Mon, 01 Jan 1601 00:00:00 GMT; Max-Age=-9223372036854775808; Path=/")
        let last = try SetCookie(name: "a", value: "1", expires: .max, maxAge: .seconds(Int64.max)).encoded()
        #expect(last == "a=1; expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=9223372036854775807; Path=/")
    }

    @Test(
        "RH-19: a name is a token, and not that of an attribute",
        arguments: ["", "a b", "a=b", "a;b", "\u{e9}", "\"a\"", "a:b", "a\n"])
    func names(name: String) {
        #expect(error(SetCookie(name: name, value: "v")) == .malformedName(name))
    }

    @Test("RH-19: names of attributes", arguments: ["path", "Path", "EXPIRES", "max-age", "partitioned"])
    func reserved(name: String) {
        #expect(error(SetCookie(name: name, value: "v")) == .reservedName(name))
    }

    @Test(
        "RH-19: nothing can be added by way of an attribute",
        arguments: ["a;b", "/ ", "\r\n", "\u{7f}", "\u{e9}", "\0"])
    func injection(text: String) {
        #expect(
            error(SetCookie(name: "n", value: "v", path: text)) == .malformedAttribute(name: "n", attribute: "Path"))
        #expect(
            error(SetCookie(name: "n", value: "v", domain: text)) == .malformedAttribute(name: "n", attribute: "Domain")
        )
    }

    @Test("RH-19: no more octets than browsers take (RFC 6265bis, 5.6)")
    func sizes() {
        #expect(error(SetCookie(name: "n", value: String(repeating: "v", count: 4095))) == nil)
        #expect(
            error(SetCookie(name: "n", value: String(repeating: "v", count: 4096))) == .tooLarge(name: "n", size: 4097))
        // Four octets each, and two quotes.
        #expect(
            error(SetCookie(name: "n", value: String(repeating: ",", count: 1024))) == .tooLarge(name: "n", size: 4099))
        #expect(error(SetCookie(name: "n", value: "v", path: String(repeating: "/", count: 1024))) == nil)
        #expect(
            error(SetCookie(name: "n", value: "v", path: String(repeating: "/", count: 1025)))
                == .attributeTooLong(name: "n", attribute: "Path"))
    }

    @Test(
        "RH-19: what a browser would ignore is refused (RFC 6265bis, 4.1.3, 5.7)", arguments: ["__Host-a", "__host-a"])
    func hostPrefix(name: String) {
        #expect(error(SetCookie(name: name, value: "v", secure: true)) == nil)
        #expect(error(SetCookie(name: name, value: "v")) == .notSecure(name: name, because: "the prefix __Host-"))
        #expect(error(SetCookie(name: name, value: "v", path: "/a", secure: true)) == .notBoundToHost(name: name))
        #expect(error(SetCookie(name: name, value: "v", path: "", secure: true)) == .notBoundToHost(name: name))
        #expect(
            error(SetCookie(name: name, value: "v", domain: "example.com", secure: true)) == .notBoundToHost(name: name)
        )
    }

    @Test("RH-19: __Secure-, SameSite=None and Partitioned need Secure")
    func security() {
        for cookie in [
            SetCookie(name: "__Secure-a", value: "v"), SetCookie(name: "a", value: "v", sameSite: .none),
            SetCookie(name: "a", value: "v", partitioned: true),
        ] {
            guard case .notSecure = error(cookie) else {
                Issue.record("\(cookie) is not refused")
                continue
            }
            var secured = cookie
            secured.secure = true
            #expect(error(secured) == nil)
        }
    }

    @Test("RH-20: a deletion has the same attributes, is empty and has ended")
    func deletion() throws {
        #expect(
            try SetCookie(name: "a", value: "1").deletion.encoded()
                == #"a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"#)
        let cookie = SetCookie(
            name: "__Host-a", value: "1", maxAge: .seconds(9), secure: true, sameSite: .none, partitioned: true)
        #expect(
            try cookie.deletion.encoded()
                == #"__Host-a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Partitioned; Path=/; SameSite=None; Secure"#
        )
    }

    @Test("errors say what to do, and never show the value")
    func descriptions() {
        #expect(error(SetCookie(name: "n", value: "very secret"))?.description.contains("very") == false)
        #expect(
            error(SetCookie(name: "n", value: "v", sameSite: .none))?.description.contains("set secure to true") == true
        )
    }
}
