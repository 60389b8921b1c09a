import TwisterIO
import TwisterTLS

/// The TLS filter, cut at every place: a server's filter that gets any bytes, and a client that speaks with it through a wire
/// that cuts, and perhaps changes, what it carries.
///
/// Only the thread that creates it may use it.
final class TLSTarget {
    private let loop: IOLoop
    private let makeServer: () -> any StreamFilter
    private let client: SSLContext

    init() throws {
        loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        let pair = SSLOptions.Certificate(chain: .text(Self.certificate), key: .text(Self.key))
        var options = SSLOptions()
        options.certificateAuthorities = .text(Self.certificate)
        client = try SSLContext(options, serverSide: false)
        let server = try SSLContext(SSLOptions(certificates: [pair]), serverSide: true)
        makeServer = server.makeFilters(on: loop, for: SecuredUsage())
    }

    deinit { loop.close() }

    func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        if input.variant { return try talk(input) }
        let whole = outcome([input.message])
        let cut = outcome(input.pieces)
        try require(whole == cut, "cut at \(input.cuts): \(cut), whole: \(whole)")
    }

    /// What a server's filter makes of these bytes.
    private func outcome(_ pieces: [UnsafeRawBufferPointer]) -> String {
        let end = TLSEnd(makeServer())
        for piece in pieces where !piece.isEmpty { withExactCopy(piece) { end.filter.receive($0) } }
        end.filter.receiveEnd()
        end.close()
        return "\(end.isOpen) \(end.delivered) \((end.error as? SSLError).map { "\($0.reason)" } ?? "no error")"
    }

    /// A client sends the message. The first cut is the length of all pieces on the wire; the second, where there is one, the
    /// place of a byte that is changed on its way to the server.
    private func talk(_ input: FuzzInput) throws {
        let server = TLSEnd(makeServer())
        let client = TLSEnd(self.client.makeFilter(on: loop, hostName: "localhost"))
        let message = Array(input.message)
        let size = max(input.cuts.first ?? 64, 1)
        let changed = input.cuts.count > 1 ? input.cuts[1] * 7 : nil
        defer {
            server.close()
            client.close()
        }
        client.carry(to: server, size: size, changed: changed)
        if client.isOpen, client.error == nil {
            message.withUnsafeBytes { if !$0.isEmpty { client.filter.send($0) } }
            client.filter.sendEnd()
            client.carry(to: server, size: size, changed: changed)
        }
        server.filter.receiveEnd()
        let got = server.delivered
        try require(got.count <= message.count && got.elementsEqual(message.prefix(got.count)), "\(got) of \(message)")
        if server.hasEnded { try require(got == message, "the end came after \(got.count) of \(message.count) octets") }
        if changed == nil {
            try require(server.hasEnded, "in pieces of \(size): \(String(describing: server.error ?? client.error))")
        }
    }

    // Of no use elsewhere: made for this target.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUan/wkpFDe0atBd6ZeYqQk8YGOeYwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjE3MTcyMloYDzIxMjYxMTAy
        MTcxNzIyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAS16W17nTJK+SS7K0L88qfoT/JJ6Pl8ufXxYjoHPFeBAYL6XYDhXkd9
        JgSRCuEKqPGLS1ZncPqE8YKA2v+MmXCUo2kwZzAdBgNVHQ4EFgQU2n1ZBUdA3MTS
        1h6yYMqZW0DF6g4wHwYDVR0jBBgwFoAU2n1ZBUdA3MTS1h6yYMqZW0DF6g4wDwYD
        VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
        SQAwRgIhAP6n5t0IqtVIAOpdjRt0VLyCuKb4RUV/Tkcn+K+W4vAfAiEAyzJ1VC0Y
        7u18iE7WBLJfbo/ESKaUFVzH/yLz0lGz0tY=
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgb9heO+ZCD9erA9ue
        /iB664cw8uGpciZlYvlcGHVcmeWhRANCAAS16W17nTJK+SS7K0L88qfoT/JJ6Pl8
        ufXxYjoHPFeBAYL6XYDhXkd9JgSRCuEKqPGLS1ZncPqE8YKA2v+MmXCU
        -----END PRIVATE KEY-----
        """
}

/// One end of the wire: stands for the stream of a filter.
private final class TLSEnd: StreamFilterHost {
    let filter: any StreamFilter
    var delivered: [UInt8] = []
    var isOpen = false
    var hasEnded = false
    var error: (any Error)?
    private var waiting: [UInt8] = []
    /// How many bytes have left this end.
    private var sent = 0

    init(_ filter: any StreamFilter) {
        self.filter = filter
        filter.start(self)
    }

    /// Moves bytes both ways until both ends are silent.
    func carry(to other: TLSEnd, size: Int, changed: Int?) {
        while !waiting.isEmpty || !other.waiting.isEmpty {
            give(to: other, size: size, changed: changed)
            other.give(to: self, size: size, changed: nil)
        }
    }

    private func give(to other: TLSEnd, size: Int, changed: Int?) {
        var bytes = waiting
        waiting = []
        if let changed, bytes.indices.contains(changed - sent) { bytes[changed - sent] ^= 0x10 }
        sent += bytes.count
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(size)
            rest = rest.dropFirst(piece.count)
            if other.error == nil {
                Array(piece).withUnsafeBytes { bytes in withExactCopy(bytes) { other.filter.receive($0) } }
            }
        }
    }

    func close() { filter.streamClosed() }

    func deliver(_ bytes: UnsafeRawBufferPointer) { delivered += bytes }
    func deliverEnd() { hasEnded = true }
    func transmit(_ bytes: [UInt8]) { waiting += bytes }
    func transmitEnd() {}
    func handshakeFinished() { isOpen = true }
    func fail(_ error: any Error) { self.error = error }
}
