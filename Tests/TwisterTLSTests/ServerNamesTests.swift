import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

@Suite("Server names")
struct ServerNamesTests {
    private let files = TestCertificates.shared

    @Test("NET-9, X-5: exact names, wildcards for one label, any case; all others get the first certificate")
    func certificates() throws {
        var options = localhostOptions()
        options.certificates.append(
            .init(chain: .file(files.path("example.pem")), key: .file(files.path("example.key"))))
        let server = try SSLContext(options, serverSide: true)
        let known = [
            "www.example.org", "WWW.Example.ORG", "a.example.com", "A.EXAMPLE.com", "xn--bcher-kva.example.com",
        ]
        let unknown = [
            "localhost", "unknown.org", "example.com", "a.b.example.com", ".example.com", "*.example.com",
            "*a.example.com",
            "www.example.org.evil", "127.0.0.1", "::1", "..", "wwww.example.org", "\u{212A}.example.org",
        ]
        for name in known + ["www.example.org.", "a.example.com."] {
            let client = OpenSSLClient(server, name: name)
            #expect(client.connect() == nil && client.commonName == "example", "\(name)")
        }
        for name in unknown {
            let client = OpenSSLClient(server, name: name)
            #expect(client.connect() == nil && client.commonName == "localhost", "\(name)")
        }
        let client = OpenSSLClient(server)
        #expect(client.connect() == nil && client.commonName == "localhost")
    }

    @Test("NET-9: an extension that breaks its form has no name")
    func form() {
        func name(_ bytes: [UInt8]) -> String? { bytes.withUnsafeBufferPointer { ServerNames.name(in: $0) } }
        #expect(name([0, 4, 0, 0, 1, 0x41]) == "a")
        for broken: [UInt8] in [
            [], [0], [0, 4, 0, 0, 1], [0, 4, 1, 0, 1, 0x41], [0, 4, 0, 0, 2, 0x41], [0, 4, 0, 255, 255, 0x41],
        ] {
            #expect(name(broken) == nil, "\(broken)")
        }
        #expect(name([0, 5, 0, 0, 2, 0xFF, 0x2E])?.utf8.count == 3)
    }
}
