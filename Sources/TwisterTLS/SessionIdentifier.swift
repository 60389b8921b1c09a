import CTwisterOpenSSL

/// OpenSSL's session identifier context: a session is continued only for the same host name and rules for client certificates.
/// It is a digest, and the same in each process of a server.
struct SessionIdentifier {
    /// 32 bytes.
    private let digest: [UInt8]

    /// Sendable, because nothing changes it once it is fetched.
    private struct Algorithm: @unchecked Sendable {
        let pointer: OpaquePointer?
    }

    /// Fetched once: to look an algorithm up in OpenSSL's providers costs more than the digest.
    private static let sha256 = Algorithm(pointer: EVP_MD_fetch(nil, "SHA256", nil))

    /// Nil where there is no memory.
    init?(_ rules: [UInt8], _ name: String) {
        let text = rules + Array(name.utf8)
        var failed = false
        digest = [UInt8](unsafeUninitializedCapacity: 32) { room, count in
            failed = EVP_Digest(text, text.count, room.baseAddress, nil, Self.sha256.pointer, nil) != 1
            count = failed ? 0 : 32
        }
        if failed { return nil }
    }

    /// Returns whether it could be set.
    func set(on ssl: OpaquePointer?) -> Bool {
        SSL_set_session_id_context(ssl, digest, CUnsignedInt(digest.count)) == 1
    }
}
