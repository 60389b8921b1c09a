import Glibc

extension LoopPulse {
    /// The stack of the loop's thread at the moment: the names of its functions, the innermost first. Empty where
    /// that cannot be found out.
    package func backtrace() -> [String] {
        let addresses = Reactor.backtrace(ofThread: threadNumber)
        var lines: [String] = []
        for (index, address) in addresses.enumerated() {
            // A return address is behind the call.
            let name = Reactor.symbol(at: index == 0 ? address : address - 1)
            lines.append(name.map(Self.demangled) ?? "0x" + String(address, radix: 16))
        }
        return lines
    }

    /// The name of a function as Swift's tools show it.
    private static func demangled(_ name: String) -> String {
        guard let text = name.withCString({ swiftDemangle($0, strlen($0), nil, nil, 0) }) else { return name }
        defer { free(text) }
        return String(cString: text)
    }
}

/// A function of Swift's runtime, which its own reports of crashes use. It returns memory to be freed, or nil for a name that
/// is not mangled.
@_silgen_name("swift_demangle")
private func swiftDemangle(
    _ name: UnsafePointer<CChar>, _ length: Int, _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: UnsafeMutablePointer<Int>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?
