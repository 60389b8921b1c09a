import HTTPTypes

/// Reads the head of a response (RFC 9112, 4 and 5), strictly: it comes from the server under test.
enum ResponseHeadReader {
    /// - Parameter octets: the head with the empty line that ends it.
    static func read(_ octets: [UInt8]) throws(TestClientError) -> ResponseFeed.Head {
        var lines = octets.dropLast(4).split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst() else { throw .malformedResponse("no status line") }
        let status = try status(text(first, isLast: lines.isEmpty))
        var fields = HTTPFields()
        while let line = lines.popFirst() {
            fields.append(try field(text(line, isLast: lines.isEmpty)))
        }
        return ResponseFeed.Head(status: status, fields: fields)
    }

    /// A line without the CR of its end, which the last one has lost with the empty line.
    private static func text(_ line: ArraySlice<UInt8>, isLast: Bool) throws(TestClientError) -> String {
        var line = line
        if !isLast, line.popLast() != 0x0D { throw .malformedResponse("a line that ends without CR") }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw .malformedResponse("a head that is no UTF-8")
        }
        return text
    }

    private static func status(_ line: String) throws(TestClientError) -> HTTPResponse.Status {
        let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "HTTP/1.1" || words[0] == "HTTP/1.0", words[1].utf8.count == 3,
            let code = Int(words[1]), 100...999 ~= code
        else { throw .malformedResponse("the status line \(line.debugDescription)") }
        return HTTPResponse.Status(code: code, reasonPhrase: String(words[2]))
    }

    private static func field(_ line: String) throws(TestClientError) -> HTTPField {
        let octets = line.utf8
        guard let colon = octets.firstIndex(of: 0x3A), let name = HTTPField.Name(String(line[..<colon])) else {
            throw .malformedResponse("the field \(line.debugDescription)")
        }
        let isSpace = { (octet: UInt8) in octet == 0x20 || octet == 0x09 }
        var value = octets[octets.index(after: colon)...].drop(while: isSpace)
        while let last = value.last, isSpace(last) { value.removeLast() }
        guard let text = String(value), HTTPField.isValidValue(text) else {
            throw .malformedResponse("the value of the field \(name)")
        }
        return HTTPField(name: name, value: text)
    }
}
