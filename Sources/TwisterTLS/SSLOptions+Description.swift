/// Logs show the files of a certificate, and neither the passphrase nor the text of a key.
extension SSLOptions.Certificate: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "certificate: \(chain), key: \(key)\(passphrase == nil ? "" : ", with a passphrase")"
    }

    public var debugDescription: String { description }

    /// The properties; of the passphrase, only whether there is one.
    public var customMirror: Mirror {
        let children: KeyValuePairs<String, Any> = [
            "chain": chain, "key": key, "hasPassphrase": passphrase != nil,
            "ocspResponse": ocspResponse.map(PEMSource.shown) ?? "none",
        ]
        return Mirror(self, children: children, displayStyle: .struct)
    }
}

/// Logs show the paths of the files with the tickets' keys.
extension SSLOptions.SessionTickets: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .rotated: "rotated"
        case .files(let files): "files: " + files.map(PEMSource.shown).joined(separator: ", ")
        case .off: "off"
        }
    }

    public var debugDescription: String { description }

    /// The description alone.
    public var customMirror: Mirror { Mirror(self, children: ["tickets": description], displayStyle: .enum) }
}
