import HTTPTypes
package import TwisterCodec

/// The page for an error: HTML, or the problem details of RFC 9457, whichever the client's `Accept` prefers.
///
/// The page is HTML where the client likes several formats equally or sends no `Accept`; with `prefersProblemDetails` it is
/// then problem details. A request whose head could not be read gets HTML. A client that accepts none of the formats gets HTML
/// too: no error text at all is worse than one in the wrong format (RFC 9110, 12.4.1 allows it).
package struct ErrorPage {
    package let contentType: StaticString
    package let text: String

    /// - Parameters:
    ///   - status: the status of the response.
    ///   - reason: its reason phrase; nil: the usual one.
    ///   - detail: the mistake, in words for the client.
    ///   - failures: the mistakes in single values of the request, which problem details list as `errors`.
    ///   - prefersProblemDetails: whether a client that likes both equally gets problem details.
    ///   - request: its `Accept` decides; nil where its head is not whole.
    package init(
        _ status: Int, reason: String? = nil, detail: String? = nil, failures: [(path: String, message: String)] = [],
        prefersProblemDetails: Bool = false, for request: RequestHead?
    ) {
        let title = reason ?? "\(ReasonPhrase.of(status))"
        let format = request.map { Self.format($0, prefersProblemDetails ? .problem : .html) } ?? .html
        contentType = format.contentType
        switch format {
        case .html: text = Self.html(status, title, detail)
        case .problem, .json: text = Self.problem(status, title, detail, failures)
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

    /// The format with the greatest weight in `Accept`. Where several weigh the same: `preferred`, then HTML, problem details,
    /// plain JSON.
    private static func format(_ request: RequestHead, _ preferred: Format) -> Format {
        guard var accept = request[.accept] else { return preferred }
        return accept.withUTF8 { octets in
            let types = AcceptedTypes(UnsafeRawBufferPointer(octets))
            let html = types.weight("text", "html")
            let problem = types.weight("application", "problem+json")
            let json = types.weight("application", "json")
            if preferred == .problem, problem > 0, problem >= html, problem >= json { return .problem }
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
    private static func problem(
        _ status: Int, _ title: String, _ detail: String?, _ failures: [(path: String, message: String)]
    ) -> String {
        let detail = detail.map { #","detail":\#(quotedForJSON($0))"# } ?? ""
        let list = failures.map {
            #"{"path":\#(quotedForJSON($0.path)),"message":\#(quotedForJSON($0.message))}"#
        }.joined(separator: ",")
        let errors = failures.isEmpty ? "" : #","errors":[\#(list)]"#
        return #"{"title":\#(quotedForJSON(title)),"status":\#(status)\#(detail)\#(errors)}"# + "\n"
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
    package func writeErrorPage(
        reason: String? = nil, detail: String? = nil, failures: [(path: String, message: String)] = [],
        prefersProblemDetails: Bool = false
    ) {
        let page = ErrorPage(
            head.status, reason: reason, detail: detail, failures: failures,
            prefersProblemDetails: prefersProblemDetails,
            for: state.isRequestHeadRead ? requestHead : nil)
        setTrusted(.contentType, "\(page.contentType)")
        if state.isRequestHeadRead { addVary("Accept") }
        write(page.text)
    }

    /// Adds `name` to the response's `Vary`, because the response depends on that field of the request (RFC 9110, 12.5.5).
    /// Names that `Vary` has already stay.
    package func addVary(_ name: StaticString) {
        let others = head.values(for: .vary)
        setTrusted(.vary, VaryField.adding(name, to: others.isEmpty ? nil : others.joined(separator: ", ")))
    }
}
