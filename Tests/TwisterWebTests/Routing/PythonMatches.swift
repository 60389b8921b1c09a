import Testing

/// What Python 3.11 finds for these patterns: `re.fullmatch(pattern, subject)`.
enum PythonMatches {
    struct Line: Sendable, CustomTestStringConvertible {
        let pattern: String
        let cases: [(subject: String, groups: [Range<Int>?]?)]
        var testDescription: String { pattern }
    }

    static let table: [Line] = text.split(separator: "\n").map { line in
        let parts = line.split(separator: " ").map(String.init)
        return Line(pattern: parts[0], cases: parts.dropFirst().map(subjectAndGroups))
    }

    /// Reads "subject=no" (no match), "subject=yes" (a match without groups) or "subject=1-2,-" (the groups' bounds).
    private static func subjectAndGroups(_ text: String) -> (subject: String, groups: [Range<Int>?]?) {
        let sides = text.split(separator: "=").map(String.init)
        switch sides[1] {
        case "no": return (sides[0], nil)
        case "yes": return (sides[0], [])
        case let bounds:
            return (
                sides[0],
                bounds.split(separator: ",").map { group in
                    let numbers = group.split(separator: "-").compactMap { Int($0) }
                    return numbers.count == 2 ? numbers[0]..<numbers[1] : nil
                }
            )
        }
    }

    /// A pattern and some subjects in each line.
    private static let text = #"""
        /a|/b /a=yes /b=yes /=no /ab=no /ba=no
        /(a|ab)(c|bcd)(d*) /abc=1-3,3-4,4-4 /abcd=1-2,2-5,5-5 /ac=1-2,2-3,3-3 /=no /a=no /b=no
        /(?:a|ab)(c|bcd)?(d*) /a=-,2-2 /ab=-,3-3 /abc=3-4,4-4 /abcd=2-5,5-5 /ac=2-3,3-3 /=no /b=no /ba=no
        /(a*)* /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(a*)+ /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(a|b)* /=- /a=1-2 /b=1-2 /ab=2-3 /ba=2-3 /aa=2-3 /aab=3-4 /abb=3-4 /aaa=3-4 /abc=no /abcd=no /ac=no
        /((a)|(b))* /=-,-,- /a=1-2,1-2,- /b=1-2,-,1-2 /ab=2-3,1-2,2-3 /ba=2-3,2-3,1-2 /aa=2-3,2-3,- /aab=3-4,2-3,3-4 /abb=3-4,1-2,3-4 /aaa=3-4,3-4,- /abc=no /abcd=no /ac=no
        /((a)|b)* /=-,- /a=1-2,1-2 /b=1-2,- /ab=2-3,1-2 /ba=2-3,2-3 /aa=2-3,2-3 /aab=3-4,2-3 /abb=3-4,1-2 /aaa=3-4,3-4 /abc=no /abcd=no /ac=no
        /(|a)* /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(|a)+ /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(a|)* /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(|a){0,2} /=1-1 /a=2-2 /aa=2-3 /b=no /ab=no /ba=no
        /(|a){2} /=1-1 /a=1-2 /aa=2-3 /b=no /ab=no /ba=no
        /(|a){1,3} /=1-1 /a=2-2 /aa=2-3 /aaa=3-4 /b=no /ab=no /ba=no
        /(|a){2,} /=1-1 /a=2-2 /aa=3-3 /aaa=4-4 /b=no /ab=no /ba=no
        /(a|){3}b /b=1-1 /ab=2-2 /aab=3-3 /aaab=3-4 /=no /a=no /ba=no
        /(a?)*?b /b=- /ab=1-2 /aab=2-3 /aaab=3-4 /=no /a=no /ba=no
        /(a*)*?b /b=- /ab=1-2 /aab=1-3 /aaab=1-4 /=no /a=no /ba=no
        /(a*?)*b /b=1-1 /ab=2-2 /aab=3-3 /aaab=4-4 /=no /a=no /ba=no
        /(a*?)*? /=- /a=1-2 /aa=2-3 /aaa=3-4 /b=no /ab=no /ba=no
        /(a+?)(a*) /a=1-2,2-2 /aa=1-2,2-3 /aaa=1-2,2-4 /=no /b=no /ab=no
        /(a??)(a*) /=1-1,1-1 /a=1-1,1-2 /aa=1-1,1-3 /aaa=1-1,1-4 /b=no /ab=no /ba=no
        /(a{1,2}?)(a*) /a=1-2,2-2 /aa=1-2,2-3 /aaa=1-2,2-4 /=no /b=no /ab=no
        /(a{2,}?)(a*) /aa=1-3,3-3 /aaa=1-3,3-4 /=no /a=no /b=no
        /(a{,2})(a*) /=1-1,1-1 /a=1-2,2-2 /aa=1-3,3-3 /aaa=1-3,3-4 /b=no /ab=no /ba=no
        /(a{0,2})(a{0,2}) /=1-1,1-1 /a=1-2,2-2 /aa=1-3,3-3 /aaa=1-3,3-4 /b=no /ab=no /ba=no
        /((a{1,2}){1,2})(a*) /a=1-2,1-2,2-2 /aa=1-3,1-3,3-3 /aaa=1-4,3-4,4-4 /=no /b=no /ab=no
        /((a*)(b*))* /=1-1,1-1,1-1 /a=2-2,2-2,2-2 /b=2-2,2-2,2-2 /ab=3-3,3-3,3-3 /ba=3-3,3-3,3-3 /aa=3-3,3-3,3-3 /aab=4-4,4-4,4-4 /abb=4-4,4-4,4-4 /aaa=4-4,4-4,4-4 /abc=no /abcd=no /ac=no
        /((a*)|(b*))* /=1-1,1-1,- /a=2-2,2-2,- /b=2-2,2-2,1-2 /ab=3-3,3-3,2-3 /ba=3-3,3-3,1-2 /aa=3-3,3-3,- /aab=4-4,4-4,3-4 /abb=4-4,4-4,2-4 /aaa=4-4,4-4,- /abc=no /abcd=no /ac=no
        /((a*)+)* /=1-1,1-1 /a=2-2,2-2 /aa=3-3,3-3 /aaa=4-4,4-4 /b=no /ab=no /ba=no
        /((?:a*)(b|)*)* /=1-1,1-1 /a=2-2,2-2 /b=2-2,2-2 /ab=3-3,3-3 /ba=3-3,3-3 /aa=3-3,3-3 /aab=4-4,4-4 /abb=4-4,4-4 /aaa=4-4,4-4 /abc=no /abcd=no /ac=no
        /(?:(a)|(b)|(ab))* /=-,-,- /a=1-2,-,- /b=-,1-2,- /ab=1-2,2-3,- /ba=2-3,1-2,- /aa=2-3,-,- /aab=2-3,3-4,- /abb=1-2,3-4,- /aaa=3-4,-,- /abc=no /abcd=no /ac=no
        /(?:(ab)|(a)|(b))* /=-,-,- /a=-,1-2,- /b=-,-,1-2 /ab=1-3,-,- /ba=-,2-3,1-2 /aa=-,2-3,- /aab=2-4,1-2,- /abb=1-3,-,3-4 /aaa=-,3-4,- /abc=no /abcd=no /ac=no
        /(?:(a)(b)?)+ /a=1-2,- /ab=1-2,2-3 /aa=2-3,- /aab=2-3,3-4 /aaa=3-4,- /abab=3-4,4-5 /aaab=3-4,4-5 /abaab=4-5,5-6 /=no /b=no /ba=no
        /(?:(a)|b(b)?)+ /a=1-2,- /b=-,- /ab=1-2,- /ba=2-3,- /aa=2-3,- /aab=2-3,- /abb=1-2,3-4 /aaa=3-4,- /abab=3-4,- /=no /abc=no /abcd=no
        /(?:(a)?(b)?)* /=-,- /a=1-2,- /b=-,1-2 /ab=1-2,2-3 /ba=2-3,1-2 /aa=2-3,- /aab=2-3,3-4 /abb=1-2,3-4 /aaa=3-4,- /abc=no /abcd=no /ac=no
        /(?:(a)?|(b)?)* /=-,- /a=1-2,- /b=-,1-2 /ab=1-2,2-3 /ba=2-3,1-2 /aa=2-3,- /aab=2-3,3-4 /abb=1-2,3-4 /aaa=3-4,- /abc=no /abcd=no /ac=no
        /(?:(a)?|(b)?)+? /=-,- /a=1-2,- /b=-,1-2 /ab=1-2,2-3 /ba=2-3,1-2 /aa=2-3,- /aab=2-3,3-4 /abb=1-2,3-4 /aaa=3-4,- /abc=no /abcd=no /ac=no
        /(?:(a??)|(b))* /=1-1,- /a=2-2,- /b=2-2,1-2 /ab=3-3,2-3 /ba=3-3,1-2 /aa=3-3,- /aab=4-4,3-4 /abb=4-4,3-4 /aaa=4-4,- /abc=no /abcd=no /ac=no
        /((?:ab|a)+) /a=1-2 /ab=1-3 /aa=1-3 /aab=1-4 /aaa=1-4 /abab=1-5 /aaab=1-5 /abaab=1-6 /=no /b=no /ba=no
        /((?:ab|a)+?)(b?) /a=1-2,2-2 /ab=1-3,3-3 /aa=1-3,3-3 /aab=1-4,4-4 /abb=1-3,3-4 /aaa=1-4,4-4 /abab=1-5,5-5 /aaab=1-5,5-5 /abaab=1-6,6-6 /=no /b=no /ba=no
        /((?:\w+-?)+)/item /a-b/item=1-4 /abc-/item=1-5 /=no /a=no /b=no
        /(?:(.*)/)?(.*)\.html /.html=-,1-1 /docs/x.html=1-5,6-7 /docs/a/b.c.html=1-7,8-11 /docs/.html.html=1-5,6-11 /=no /a=no /b=no
        /docs/(?:(.*)/)?(.*)\.html /docs/x.html=-,6-7 /docs/a/b.c.html=6-7,8-11 /docs/.html.html=-,6-11 /=no /a=no /b=no
        /([a-z]+)(-\d+)? /a=1-2,- /b=1-2,- /ab=1-3,- /ba=1-3,- /aa=1-3,- /aab=1-4,- /abb=1-4,- /aaa=1-4,- /abab=1-5,- /=no /ab12=no /12=no
        /([a-z]+)(?:-(\d+))? /a=1-2,- /b=1-2,- /ab=1-3,- /ba=1-3,- /aa=1-3,- /aab=1-4,- /abb=1-4,- /aaa=1-4,- /abab=1-5,- /=no /ab12=no /12=no
        /(.+?)(\d*) /a=1-2,2-2 /b=1-2,2-2 /ab=1-3,3-3 /ba=1-3,3-3 /aa=1-3,3-3 /aab=1-4,4-4 /abb=1-4,4-4 /aaa=1-4,4-4 /abab=1-5,5-5 /=no
        /(.*?)(\d+) /ab-1=1-4,4-5 /ab12=1-3,3-5 /12=1-1,1-3 /2026-07=1-6,6-8 /2026-07-26=1-9,9-11 /1234=1-1,1-5 /=no /a=no /b=no
        /(.*)(\d+) /ab-1=1-4,4-5 /ab12=1-4,4-5 /12=1-2,2-3 /2026-07=1-7,7-8 /2026-07-26=1-10,10-11 /1234=1-4,4-5 /=no /a=no /b=no
        /(.*)-(.*)-(.*) /--=1-1,2-2,3-3 /a-b-c=1-2,3-4,5-6 /a-b-c-d=1-4,5-6,7-8 /=no /a=no /b=no
        /(.*?)-(.*?)-(.*?) /--=1-1,2-2,3-3 /a-b-c=1-2,3-4,5-6 /a-b-c-d=1-2,3-4,5-8 /=no /a=no /b=no
        /(\d{4})-(\d{2})(?:-(\d{2}))? /2026-07=1-5,6-8,- /2026-07-26=1-5,6-8,9-11 /=no /a=no /b=no
        /(\d{1,3}?)(\d*) /12=1-2,2-3 /1234=1-2,2-5 /=no /a=no /b=no
        /([^/]*)(?:/(.*))? /=1-1,- /a=1-2,- /b=1-2,- /ab=1-3,- /ba=1-3,- /aa=1-3,- /aab=1-4,- /abb=1-4,- /aaa=1-4,-
        /([^/]+?)(?:\.(json|xml))? /a=1-2,- /b=1-2,- /ab=1-3,- /ba=1-3,- /aa=1-3,- /aab=1-4,- /abb=1-4,- /aaa=1-4,- /abab=1-5,- /=no /a/b=no //=no
        /([^/]+)(?:\.(json|xml))? /a=1-2,- /b=1-2,- /ab=1-3,- /ba=1-3,- /aa=1-3,- /aab=1-4,- /abb=1-4,- /aaa=1-4,- /abab=1-5,- /=no /a/b=no //=no
        /(?:a|b|ab)(?:c|bc)? /a=yes /b=yes /ab=yes /abc=yes /ac=yes /bc=yes /=no /ba=no /aa=no
        /x{0}y /y=yes /=no /a=no /b=no
        /x{3} /xxx=yes /=no /a=no /b=no
        /x{2,3}y? /xx=yes /xxx=yes /xxy=yes /=no /a=no /b=no
        /x{,2} /=yes /x=yes /xx=yes /a=no /b=no /ab=no
        /x{2,} /xx=yes /xxx=yes /=no /a=no /b=no
        /{id} /{id}=yes /=no /a=no /b=no
        /{} /{}=yes /=no /a=no /b=no
        /x{ /x{=yes /=no /a=no /b=no
        /x{a} /x{a}=yes /=no /a=no /b=no
        /x{1 /x{1=yes /=no /a=no /b=no
        /x{1,2 /x{1,2=yes /=no /a=no /b=no
        /a]b} /a]b}=yes /=no /a=no /b=no
        /[]a]+ /a=yes /aa=yes /aaa=yes /]=yes /a]=yes /=no /b=no /ab=no
        /[^]a]+ /b=yes /c=yes /bc=yes /bcd=yes /-=yes /.=yes /1.5=yes /[=yes /AB=yes /=no /a=no /ab=no
        /[a\]b]+ /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /=no /abc=no /abcd=no
        /[a-]+ /a=yes /aa=yes /aaa=yes /-=yes /=no /b=no /ab=no
        /[-a]+ /a=yes /aa=yes /aaa=yes /-=yes /=no /b=no /ab=no
        /[a.]+ /a=yes /aa=yes /aaa=yes /.=yes /=no /b=no /ab=no
        /[\d.]+ /12=yes /1234=yes /.=yes /1.5=yes /=no /a=no /b=no
        /[^\d]+ /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /=no /ab-1=no /ab12=no
        /[\W]+ /]=yes /-=yes /.=yes /[=yes /-.=yes /=no /a=no /b=no
        /[\x61-\x63]+ /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /=no /abcd=no /bcd=no
        /\x61\.b /a.b=yes /=no /a=no /b=no
        /a\-b /a-b=yes /=no /a=no /b=no
        /\w+\b-\b\w+ /a-b=yes /=no /a=no /b=no
        /\w+\B\w /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /abc=yes /abcd=yes /=no /a=no /b=no
        /\bab\b /ab=yes /=no /a=no /b=no
        /\Bab /=no /a=no /b=no
        /a\b /a=yes /=no /b=no /ab=no
        /\ba* /a=yes /aa=yes /aaa=yes /=no /b=no /ab=no
        /(?:\ba|b)+ /a=yes /b=yes /ab=yes /abb=yes /=no /ba=no /aa=no
        /(\b|a)+ /a=2-2 /aa=3-3 /aaa=4-4 /=no /b=no /ab=no
        /(?:\B|a)* /=yes /a=yes /aa=yes /aaa=yes /b=no /ab=no /ba=no
        ^/ab$ /ab=yes /=no /a=no /b=no
        \A/ab\Z /ab=yes /=no /a=no /b=no
        /a$|/ab /a=yes /ab=yes /=no /b=no /ba=no
        (?:^/a|/b)c /ac=yes /bc=yes /=no /a=no /b=no
        (?:/a$|/ab) /a=yes /ab=yes /=no /b=no /ba=no
        /(?#comment)a(?#more)*b /b=yes /ab=yes /aab=yes /aaab=yes /=no /a=no /ba=no
        /(?P<x>a+)(?P<y>b*) /a=1-2,2-2 /ab=1-2,2-3 /aa=1-3,3-3 /aab=1-3,3-4 /abb=1-2,2-4 /aaa=1-4,4-4 /aaab=1-4,4-5 /=no /b=no /ba=no
        (?i)/(ab|CD)[e-g] /ABE=1-3 /cDg=1-3 /=no /a=no /b=no
        (?i)/[^a]b /bB=yes /BB=yes /=no /a=no /b=no
        (?i)/\W*x /x=yes /X=yes /-X=yes /=no /a=no /b=no
        /a.b /aab=yes /abb=yes /a.b=yes /axb=yes /a/b=yes /=no /a=no /b=no
        /.* /=yes /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes
        /\S+ /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /=no
        /\D+ /a=yes /b=yes /ab=yes /ba=yes /aa=yes /aab=yes /abb=yes /aaa=yes /abab=yes /=no
        /() /=1-1 /a=no /b=no /ab=no
        /()* /=1-1 /a=no /b=no /ab=no
        /()+a /a=1-1 /=no /b=no /ab=no
        /(()|a)* /=1-1,1-1 /a=2-2,2-2 /aa=3-3,3-3 /aaa=4-4,4-4 /b=no /ab=no /ba=no
        /(()|a)+b /b=1-1,1-1 /ab=2-2,2-2 /aab=3-3,3-3 /aaab=4-4,4-4 /=no /a=no /ba=no
        /((|a)|b)* /=1-1,1-1 /a=2-2,2-2 /b=2-2,2-2 /ab=3-3,3-3 /ba=3-3,3-3 /aa=3-3,3-3 /aab=4-4,4-4 /abb=4-4,4-4 /aaa=4-4,4-4 /abc=no /abcd=no /ac=no
        /((a|b)?c)* /=-,- /ac=1-3,1-2 /c=1-2,- /bc=1-3,1-2 /a=no /b=no /ab=no
        /((a|b)*c)* /=-,- /abc=1-4,2-3 /ac=1-3,1-2 /c=1-2,- /bc=1-3,1-2 /a=no /b=no /ab=no
        /(?:(a)|(?:b(c)?))* /=-,- /a=1-2,- /b=-,- /ab=1-2,- /ba=2-3,- /aa=2-3,- /aab=2-3,- /abb=1-2,- /aaa=3-4,- /abcd=no /ac=no /c=no
        /(a(b(c)?)?)? /=-,-,- /a=1-2,-,- /ab=1-3,2-3,- /abc=1-4,2-4,3-4 /b=no /ba=no /aa=no
        /(a(b)?)+ /a=1-2,- /ab=1-3,2-3 /aa=2-3,- /aab=2-4,3-4 /aaa=3-4,- /abab=3-5,4-5 /aaab=3-5,4-5 /abaab=4-6,5-6 /=no /b=no /ba=no
        /(a(b)?)+?b? /a=1-2,- /ab=1-3,2-3 /aa=2-3,- /aab=2-4,3-4 /abb=1-3,2-3 /aaa=3-4,- /abab=3-5,4-5 /aaab=3-5,4-5 /abaab=4-6,5-6 /=no /b=no /ba=no
        /((a|b)(c|d)?)* /=-,-,- /a=1-2,1-2,- /b=1-2,1-2,- /ab=2-3,2-3,- /ba=2-3,2-3,- /aa=2-3,2-3,- /aab=3-4,3-4,- /abb=3-4,3-4,- /aaa=3-4,3-4,- /abcd=no /c=no /bcd=no
        /(?:(a|b)(c|d)?){2} /ab=2-3,- /ba=2-3,- /aa=2-3,- /abc=2-3,3-4 /acbd=3-4,4-5 /abd=2-3,3-4 /acb=3-4,2-3 /acad=3-4,4-5 /=no /a=no /b=no
        /(?:(a|b)(c|d)?){1,2} /a=1-2,- /b=1-2,- /ab=2-3,- /ba=2-3,- /aa=2-3,- /abc=2-3,3-4 /ac=1-2,2-3 /bc=1-2,2-3 /acbd=3-4,4-5 /=no /aab=no /abb=no
        /(?:(a|b)(c|d)?){2,}? /ab=2-3,- /ba=2-3,- /aa=2-3,- /aab=3-4,- /abb=3-4,- /aaa=3-4,- /abab=4-5,- /abc=2-3,3-4 /aaab=4-5,- /=no /a=no /b=no
        /(?:a?){3}a /a=yes /aa=yes /aaa=yes /=no /b=no /ab=no
        /(?:a?){0,3}aa /aa=yes /aaa=yes /=no /a=no /b=no
        /(a?){3} /=1-1 /a=2-2 /aa=3-3 /aaa=3-4 /b=no /ab=no /ba=no
        /(a??){3} /=1-1 /a=1-2 /aa=2-3 /aaa=3-4 /b=no /ab=no /ba=no
        /(a|b?){2} /=1-1 /a=2-2 /b=2-2 /ab=2-3 /ba=2-3 /aa=2-3 /aab=no /abb=no /aaa=no
        /(a|b?){0,3} /=1-1 /a=2-2 /b=2-2 /ab=3-3 /ba=3-3 /aa=3-3 /aab=3-4 /abb=3-4 /aaa=3-4 /abab=no /abc=no /abcd=no
        /((a?)(b?)){2} /=1-1,1-1,1-1 /a=2-2,2-2,2-2 /b=2-2,2-2,2-2 /ab=3-3,3-3,3-3 /ba=2-3,2-3,3-3 /aa=2-3,2-3,3-3 /aab=2-4,2-3,3-4 /abb=3-4,3-3,3-4 /abab=3-5,3-4,4-5 /aaa=no /abc=no /abcd=no
        /(?:(?:a|(b))?(?:c|(d))?)* /=-,- /a=-,- /b=1-2,- /ab=2-3,- /ba=1-2,- /aa=-,- /aab=3-4,- /abb=3-4,- /aaa=-,-
        /(?:a(?:b(?:c(?:d)?)?)?)? /=yes /a=yes /ab=yes /abc=yes /abcd=yes /b=no /ba=no /aa=no
        /(((a))) /a=1-2,1-2,1-2 /=no /b=no /ab=no
        /(((a)*)*)* /=1-1,1-1,- /a=2-2,2-2,1-2 /aa=3-3,3-3,2-3 /aaa=4-4,4-4,3-4 /b=no /ab=no /ba=no
        /(((a)?)*)? /=1-1,1-1,- /a=1-2,2-2,1-2 /aa=1-3,3-3,2-3 /aaa=1-4,4-4,3-4 /b=no /ab=no /ba=no
        /(((a?)+)+)+ /=1-1,1-1,1-1 /a=2-2,2-2,2-2 /aa=3-3,3-3,3-3 /aaa=4-4,4-4,4-4 /b=no /ab=no /ba=no
        /(((a?)*?)*)*? /=-,-,- /a=1-2,2-2,1-2 /aa=2-3,3-3,2-3 /aaa=3-4,4-4,3-4 /b=no /ab=no /ba=no
        /(?:(?:(a*)b*)c*)* /=1-1 /a=2-2 /b=2-2 /ab=3-3 /ba=3-3 /aa=3-3 /aab=4-4 /abb=4-4 /aaa=4-4 /abcd=no /bcd=no
        /(?:(a)|b|)* /=- /a=1-2 /b=- /ab=1-2 /ba=2-3 /aa=2-3 /aab=2-3 /abb=1-2 /aaa=3-4 /abc=no /abcd=no /ac=no
        /(?:|(a)|b)* /=- /a=1-2 /b=- /ab=1-2 /ba=2-3 /aa=2-3 /aab=2-3 /abb=1-2 /aaa=3-4 /abc=no /abcd=no /ac=no
        /(?:(a)||b)* /=- /a=1-2 /b=- /ab=1-2 /ba=2-3 /aa=2-3 /aab=2-3 /abb=1-2 /aaa=3-4 /abc=no /abcd=no /ac=no
        /(?:(a)|(b)|){2} /=-,- /a=1-2,- /b=-,1-2 /ab=1-2,2-3 /ba=2-3,1-2 /aa=2-3,- /aab=no /abb=no /aaa=no
        /(|a|b){2,3} /=1-1 /a=1-2 /b=1-2 /ab=2-3 /ba=2-3 /aa=2-3 /aab=3-4 /abb=3-4 /aaa=3-4 /abab=no /abc=no /abcd=no
        /(?:(?:)*)* /=yes /a=no /b=no /ab=no
        /(?:(?:)*a)* /=yes /a=yes /aa=yes /aaa=yes /b=no /ab=no /ba=no
        /(?:a||b)c /ac=yes /c=yes /bc=yes /=no /a=no /b=no
        /a||b /a=yes /=no /b=no /ab=no
        /(a||b) /=1-1 /a=1-2 /b=1-2 /ab=no /ba=no /aa=no
        /|a /=yes /a=no /b=no /ab=no
        """#
}
