/// Plain text as HTML in which URLs are links.
///
/// - Parameters:
///   - text: The plain text. All of it is escaped, the URLs included.
///   - shorten: Whether a URL of more than 30 characters is shown cut. Its `title` then shows all of it.
///   - attributes: HTML attributes for the link to a URL, such as `rel="nofollow"`. They are written as they are.
///   - requiresProtocol: Whether `www.example.com` stays text because it names no protocol.
///   - protocols: The protocols that become links. `javascript`, `vbscript` and `data` never do.
///
/// The time is linear in the length of the text.
///
/// Tornado: `linkify`.
public func linkify(
    _ text: String, shorten: Bool = false, requiresProtocol: Bool = false, protocols: Set<String> = ["http", "https"],
    attributes: (_ url: String) -> String = { _ in "" }
) -> String {
    let scalars = Array(xhtmlEscape(text).unicodeScalars)
    var finder = URLFinder(scalars)
    var html = String.UnicodeScalarView()
    var copied = 0
    while let found = finder.next() {
        html.append(contentsOf: scalars[copied..<found.range.lowerBound])
        copied = found.range.upperBound
        let url = String(scalars[found.range])
        let name = found.protocolLength > 0 ? String(scalars[found.range].prefix(found.protocolLength)) : nil
        let isLink = name.map { protocols.contains($0) && !isScript($0) } ?? !requiresProtocol
        guard isLink else {
            html.append(contentsOf: url.unicodeScalars)
            continue
        }
        let href = name == nil ? "http://" + url : url
        var extra = squeezedAttributes(attributes(href))
        var shown = url
        if shorten, let short = shortened(url, prefix: name == nil ? 0 : found.protocolLength + 1 + found.slashes) {
            shown = short
            extra += #" title="\#(href)""#
        }
        html.append(contentsOf: #"<a href="\#(href)"\#(extra)>\#(shown)</a>"#.unicodeScalars)
    }
    html.append(contentsOf: scalars[copied...])
    return String(html)
}

/// Protocols whose URLs run as a script of the page.
private func isScript(_ name: String) -> Bool { ["javascript", "vbscript", "data"].contains(name.lowercased()) }

/// Attributes with one space before them.
private func squeezedAttributes(_ text: String) -> String {
    guard let start = text.firstIndex(where: { !$0.isWhitespace }),
        let end = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return " " + text[start...end]
}

/// The host and the beginning of the path, with "..." at the end; nil if that would not be shorter. `prefix` is the length
/// of the protocol, its colon and slashes.
private func shortened(_ url: String, prefix: Int) -> String? {
    let longest = 30
    let all = Array(url.unicodeScalars)
    guard all.count > longest else { return nil }
    var short = all
    let parts = all[prefix...].split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    if parts.count > 1 {
        let path = parts[1].prefix(8).prefix { $0 != "?" && $0 != "." }
        short = all[..<prefix] + parts[0] + ["/"] + path
    }
    if short.count * 2 > longest * 3 { short = Array(short.prefix(longest)) }
    guard short != all else { return nil }
    // A character reference that the cut has broken must not stay.
    if let ampersand = short.lastIndex(of: "&"), ampersand > longest - 5 { short = Array(short[..<ampersand]) }
    return short.count + 3 < all.count ? String(short) + "..." : nil
}

extension String {
    fileprivate init(_ scalars: some Sequence<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }
}
