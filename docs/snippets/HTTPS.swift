import Twister

final class Accounts: RequestHandler {
    override func get() async throws {
        guard let certificate = request.peerCertificate else { throw HTTPError(.forbidden) }
        write("Hello, \(certificate.commonName ?? certificate.subject)")
    }
}

/// https on port 443, and port 80 for those who forget the s.
func serveSite() throws {
    let site = try Application(
        [URLSpec("/", Accounts.self)], middleware: [HTTPSRedirect(), SecurityHeaders()])
    let live = "/etc/letsencrypt/live/example.org"
    try site.run(
        .init(addresses: [
            .tcp("*", 80), .tls("*", 443, certificate: "\(live)/fullchain.pem", key: "\(live)/privkey.pem"),
        ]))
}

/// Several host names, and clients that may show a certificate of the staff's authority.
func serveStaff(_ application: Application) throws {
    var options = SSLOptions(certificate: "example.org.pem", key: "example.org.key")
    options.certificates.append(.init(chain: .file("example.com.pem"), key: .file("example.com.key")))
    options.certificateAuthorities = .file("staff-ca.pem")
    options.certificateRequirement = .optional
    let context = try SSLContext(options, serverSide: true)
    try application.run(.init(addresses: [.tls("*", 443, context)]))
}

/// A client: certificate and host name are checked unless the options say otherwise.
func fetchGreeting() async throws -> [UInt8] {
    let stream = try await TCPClient(.current()).connect(
        host: "mail.example.org", port: 993, timeout: .seconds(10), sslOptions: SSLOptions())
    defer { stream.close() }
    return try await stream.readUntil("\r\n")
}
