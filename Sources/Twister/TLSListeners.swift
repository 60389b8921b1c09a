import Logging
import TwisterIO
import TwisterTLS

/// The TLS of a server's addresses: which listening socket has which certificates.
struct TLSListeners: Sendable {
    private struct Listener {
        /// The name by which another process of the server knows the socket.
        let name: String
        let port: UInt16
        let context: SSLContext
    }

    private let listeners: [Listener]

    /// The name of listening sockets without TLS.
    static let plainName = "http"

    /// The name of the sockets of the n-th address with TLS, counted from 0.
    static func name(_ index: Int) -> String { index == 0 ? "https" : "https-\(index + 1)" }

    /// Reads the certificates of the addresses that have TLS.
    ///
    /// - Throws: `SSLError` that names the file that cannot be used.
    init(_ addresses: [ServerAddress]) throws(SSLError) {
        var listeners: [Listener] = []
        for address in addresses {
            guard case .tls(_, let port, let certificates) = address.place else { continue }
            let name = Self.name(listeners.count)
            listeners.append(Listener(name: name, port: port, context: try certificates.makeContext()))
        }
        self.listeners = listeners
    }

    var isEmpty: Bool { listeners.isEmpty }

    /// Has TLS stand on those of the sockets that are for it. Sockets of systemd have names of their own: they are known by
    /// their ports.
    func secure(_ sockets: [ListeningSocket]) {
        var securedCount = 0
        for socket in sockets {
            let named = listeners.first { $0.name == socket.name }
            let isOurs = socket.name == Self.plainName
            let port = socket.address?.port
            guard let listener = named ?? (isOurs ? nil : listeners.first { $0.port == port && $0.port != 0 })
            else { continue }
            listener.context.secure([socket])
            securedCount += 1
        }
        if !isEmpty, securedCount == 0 {
            Log.general.warning("no listening socket that this process was started with is for TLS")
        }
    }

    /// Reads the certificates again. Those that cannot be used stay as they were.
    func reload() {
        for listener in listeners {
            do throws(SSLError) {
                try listener.context.reload()
                Log.general.info("the certificates of \(listener.name) were read again")
            } catch {
                Log.general.error("the certificates of \(listener.name) stay as they were: \(error)")
            }
        }
    }

    /// Has the certificates read again whenever their files change; nil where there are no files, or they cannot be watched.
    func watch() -> CertificateWatch? {
        let files = FileStates(joining: listeners.map(\.context.filesAtStart))
        guard !files.paths.isEmpty else { return nil }
        do throws(IOError) {
            return try CertificateWatch(files) { [self] in reload() }
        } catch {
            Log.general.warning("changes of the certificates are not noticed (SIGHUP reads them): \(error)")
            return nil
        }
    }
}
