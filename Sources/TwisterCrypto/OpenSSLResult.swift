import CTwisterOpenSSL

// OpenSSL says that a function failed where there is no memory, or where its configuration forbids an algorithm. No input of a
// client is a reason, so these failures end the program with a message, as Swift's own lack of memory does.

/// An object of OpenSSL that has to be there.
func existing(_ object: OpaquePointer?, _ algorithm: String) -> OpaquePointer {
    guard let object else { failed(algorithm) }
    return object
}

/// The result of a function of OpenSSL that has to succeed.
func succeed(_ result: Int32, _ algorithm: String) {
    guard result > 0 else { failed(algorithm) }
}

/// As many octets, which `write` has written.
func filled(_ count: Int, _ algorithm: String, _ write: (UnsafeMutablePointer<UInt8>) -> Int32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { octets, written in
        // An array of no octets has no memory.
        guard let start = octets.baseAddress, count > 0 else { return }
        succeed(write(start), algorithm)
        written = count
    }
}

private func failed(_ algorithm: String) -> Never {
    fatalError(
        "OpenSSL has no memory for \(algorithm), or its configuration does not provide it (openssl list -providers)")
}
