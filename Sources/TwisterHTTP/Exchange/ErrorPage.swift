import HTTPTypes
package import TwisterCodec

/// The page for an error: HTML, or the problem details of RFC 9457, whichever the client's `Accept` prefers.
///
/// Without `Accept`, and for a request whose head could not be read, it is HTML. A client that wants none of these gets
/// HTML too: no error text at all is worse than one in the wrong format (RFC 9110, 12.4.1 allows it).
package struct ErrorPage {
    package let contentType: StaticString
    package let text: String

    /// - Parameters:
    ///   - status: the status of the response.
    ///   - reason: its reason phrase; nil: the usual one.
    ///   - detail: the mistake, in words for the client.
    ///   - request: its `Accept` decides; nil where its head is not whole.
    package init(_ status: Int, reason: String? = nil, detail: String? = nil, for request: RequestHead?) {
        let title = reason ?? "\(ReasonPhrase.of(status))"
        let format = request.map(Self.format) ?? .html
        contentType = format.contentType
        switch format {
        case .html: text = Self.html(status, title, detail)
        case .problem, .json: text = Self.problem(status, title, detail)
        }
    }

    private enum Format {
        case html, problem, json

        var contentType: StaticString {
            switch self {
            case .html: "text/html; charset=utf-8"
            case .problem: "application/problem+json"
            case .json: "application/json"
            }
        }
    }

    /// The format that the client likes best; of equals the first of HTML, problem details, plain JSON.
    private static func format(_ request: RequestHead) -> Format {
        guard var accept = request[.accept] else { return .html }
        return accept.withUTF8 { octets in
            let types = AcceptedTypes(UnsafeRawBufferPointer(octets))
            let html = types.weight("text", "html")
            let problem = types.weight("application", "problem+json")
            let json = types.weight("application", "json")
            if html >= problem, html >= json { return .html }
            return problem >= json ? .problem : .json
        }
    }

    private static func html(_ status: Int, _ title: String, _ detail: String?) -> String {
        let title = "\(status): \(title.escapedForHTML)"
        let paragraph = detail.map { "<p>\($0.escapedForHTML)</p>" } ?? ""
        return """
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>\(title)</title></head>\
            <body><h1>\(title)</h1>\(paragraph)</body></html>

            """
    }

    /// `type` is left out: it is then `about:blank`, the status itself (RFC 9457, 4.2.1).
    private static func problem(_ status: Int, _ title: String, _ detail: String?) -> String {
        let detail = detail.map { #","detail":\#(quotedForJSON($0))"# } ?? ""
        return #"{"title":\#(quotedForJSON(title)),"status":\#(status)\#(detail)}"# + "\n"
    }

    private static func quotedForJSON(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension HTTPConnection {
    /// Fills the response, of which nothing is sent, with the page for its status.
    ///
    /// Its format depends on the request's `Accept`, and the response says so (RFC 9110, 12.5.5).
    package func writeErrorPage(reason: String? = nil, detail: String? = nil) {
        let page = ErrorPage(
            head.status, reason: reason, detail: detail, for: state.isRequestHeadRead ? requestHead : nil)
        setTrusted(.contentType, "\(page.contentType)")
        if state.isRequestHeadRead, !head.contains(.vary) { setTrusted(.vary, "Accept") }
        write(page.text)
    }
}
