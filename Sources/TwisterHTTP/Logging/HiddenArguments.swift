import Synchronization
import TwisterCodec
public import TwisterIO

/// The arguments of queries whose values the log does not show, because they are secrets: tokens, keys, signatures of links.
public enum HiddenArguments: Sendable, Hashable {
    /// Queries are logged as they are.
    case none
    /// The values of the arguments of these names.
    case named(Set<String>)
    /// Each query as a whole.
    case all
}

extension Log {
    /// The arguments of queries whose values are `***` in all that Twister logs of a request: the access log with the field
    /// `Referer`, errors of handlers, requests that a shutdown has cut, requests under way when a worker process dies. Set it
    /// before the server starts. Default: none.
    ///
    ///     Log.hiddenArguments = .named(["token", "signature"])      // GET /reset?user=7&token=***
    ///
    /// Observers of exchanges get the request line as it was sent.
    public static var hiddenArguments: HiddenArguments {
        get { isHiding.load(ordering: .relaxed) ? hidden.withLock { $0 } : .none }
        set {
            hidden.withLock { $0 = newValue }
            isHiding.store(newValue != .none, ordering: .relaxed)
        }
    }

    private static let isHiding = Atomic(false)
    private static let hidden = ConditionLock(HiddenArguments.none)

    /// A request's target as the log shows it.
    package static func shown(target: String) -> String {
        guard let shown = target.withOctets({ hiddenArguments.hiding(in: $0) }) else { return target }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Calls `body` with a request line, or the field `Referer`, as the log shows it.
    package static func withShown(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        if let shown = hiddenArguments.hiding(in: text) {
            shown.withUnsafeBytes(body)
        } else {
            body(text)
        }
    }
}

extension HiddenArguments {
    private static let mask = Array("***".utf8)

    /// A target, a URL or a request line with `***` for what is hidden in its query; nil where it has none.
    func hiding(in text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard self != .none, let mark = text.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let query = text[(mark + 1)...].prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "#") }
        guard !query.isEmpty else { return nil }
        return text[...mark] + shown(query) + text[query.endIndex...]
    }

    private func shown(_ query: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        guard case .named(let names) = self else { return Self.mask }
        let pairs = query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).map { pair in
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            // Handlers may see the name decoded.
            let decoded = PercentCoding.decodeForm(UnsafeRawBufferPointer(rebasing: name))
            let hasValue = name.count < pair.count - 1
            return hasValue && names.contains(decoded) ? name + [UInt8(ascii: "=")] + Self.mask : Array(pair)
        }
        return Array(pairs.joined(separator: [UInt8(ascii: "&")]))
    }
}
