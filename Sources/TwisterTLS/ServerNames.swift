/// Which certificate is for which host name: an index of the host names in certificates.
struct ServerNames {
    private var exact: [String: Int] = [:]
    /// The certificates of names with a wildcard, by what follows it: `*.example.com` is stored as `.example.com`.
    private var wildcards: [String: Int] = [:]

    /// Adds the names of a certificate, in lower case. A name that is known already keeps its certificate. Returns whether one
    /// of the names was new.
    mutating func add(_ names: Set<String>, _ index: Int) -> Bool {
        var isNew = false
        for name in names {
            if name.hasPrefix("*.") {
                let suffix = String(name.dropFirst())
                if wildcards[suffix] == nil { (wildcards[suffix], isNew) = (index, true) }
            } else if exact[name] == nil {
                (exact[name], isNew) = (index, true)
            }
        }
        return isNew
    }

    /// The certificate for a name in its canonical form; nil: none has it.
    func index(of name: String) -> Int? {
        if let index = exact[name] { return index }
        // A wildcard stands for one label (RFC 6125, 6.4.3), which is not empty and not the wildcard itself.
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex, !name.hasPrefix("*") else { return nil }
        return wildcards[String(name[dot...])]
    }

    /// The host name that a client's extension asks for (RFC 6066, 3), in its canonical form; nil where there is none. A
    /// malformed extension counts as none: OpenSSL ends the handshake.
    static func name(in bytes: UnsafeBufferPointer<UInt8>) -> String? {
        // The length of the list, the type 0 of a host name, the length of the name.
        guard bytes.count > 5, bytes[2] == 0 else { return nil }
        let count = Int(bytes[3]) << 8 + Int(bytes[4])
        guard count == bytes.count - 5 else { return nil }
        return canonical(UnsafeBufferPointer(rebasing: bytes[5...]))
    }

    /// A name as the index has it: in lower case, without the dot that ends an absolute name. Only ASCII is changed, since other
    /// names stand in their ASCII form (RFC 6066, 3).
    static func canonical(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        var bytes = bytes[...]
        if bytes.count > 1, bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return String(unsafeUninitializedCapacity: bytes.count) { room in
            for (place, byte) in bytes.enumerated() {
                let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                room[place] = isUpper ? byte | 0x20 : byte
            }
            return bytes.count
        }
    }
}
