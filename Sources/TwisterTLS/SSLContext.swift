import Logging
package import TwisterIO

/// Certificates and rules of TLS, ready for use: what a server's listening sockets or a client's connections are secured with.
/// One context serves any number of loops.
///
/// Tornado: `ssl.SSLContext`, as `ssl_options_to_context` makes it.
public final class SSLContext: Sendable {
    private let options: SSLOptions
    let isServer: Bool
    private let tickets: SessionTicketKeys?
    private let credentials: ConditionLock<TLSCredentials>
    /// Held during a reload, so that the files that were read last are the ones that are used. Handshakes do not wait for a
    /// reload.
    private let reloading = ConditionLock<Void>(())
    /// The files as they were before they were first read.
    package let filesAtStart: FileStates
    /// What the connections of each loop share, for connections that do not come from a listening socket. A loop that is closed
    /// leaves its entry to a later loop at the same address.
    private let loops = ConditionLock<[ObjectIdentifier: LoopOwned]>([:])

    /// Sendable, because it is used on the thread of its loop only.
    private struct LoopOwned: @unchecked Sendable {
        let tls: TLSLoop
    }

    /// Reads the files of the options.
    ///
    /// - Parameters:
    ///   - options: certificates and rules.
    ///   - serverSide: whether the context is a server's; otherwise it is a client's.
    /// - Throws: `SSLError` that names the file or the option that cannot be used: a missing file, a key that does not belong to
    ///   its certificate, a wrong passphrase. A certificate that has expired, or soon will, is logged.
    ///
    /// Tornado: `netutil.ssl_options_to_context`.
    public init(_ options: SSLOptions, serverSide: Bool) throws(SSLError) {
        self.options = options.withAbsolutePaths
        isServer = serverSide
        filesAtStart = FileStates(of: self.options.paths)
        switch self.options.sessionTickets {
        case _ where !serverSide: tickets = nil
        case .rotated: tickets = SessionTicketKeys(.ofProcess)
        case .files(let files): tickets = try SessionTicketKeys(files: files)
        case .off: tickets = nil
        }
        let first = try TLSCredentials(self.options, isServer: serverSide, tickets: tickets)
        credentials = ConditionLock(first)
        Self.warn(of: first)
    }

    /// Reads the files again. New connections get the new certificates; those that are open stay as they are. May be called from
    /// any thread, which is blocked for some milliseconds.
    ///
    /// - Throws: `SSLError` where the files cannot be used; the certificates then stay as they were.
    public func reload() throws(SSLError) {
        try reloading.withLock { _ throws(SSLError) in
            let next = try TLSCredentials(options, isServer: isServer, tickets: tickets)
            if case .files(let files) = options.sessionTickets { try tickets?.reload(files) }
            credentials.withLock { $0 = next }
            Self.warn(of: next)
        }
    }

    /// The files that the context was made of.
    public var files: [String] { options.paths }

    /// The credentials of handshakes that begin now.
    var current: TLSCredentials { credentials.withLock { $0 } }

    /// The buffers that the connections on `loop` share. On the loop's thread.
    func shared(on loop: IOLoop) -> TLSLoop {
        let key = ObjectIdentifier(loop)
        if let known = loops.withLock({ $0[key] }) { return known.tls }
        let made = LoopOwned(tls: TLSLoop(SecuredUsage(), maxHandshakes: options.maxHandshakes))
        loops.withLock { $0[key] = made }
        return made.tls
    }

    private static func warn(of credentials: TLSCredentials) {
        for warning in credentials.warnings { Log.general.warning("TLS: \(warning)") }
    }
}

extension SSLContext: CredentialSource {}

extension SSLContext: StreamFilterFactory {
    package var handshakeTimeout: Duration { options.handshakeTimeout }

    package func makeFilters(on loop: IOLoop, for usage: SecuredUsage) -> () -> any StreamFilter {
        let shared = TLSLoop(usage, maxHandshakes: options.maxHandshakes)
        return { TLSFilter(shared, self) }
    }

    /// The filter of one connection that does not come from a listening socket. On the loop's thread.
    ///
    /// - Parameter hostName: on a client, the host whose certificate is expected.
    package func makeFilter(on loop: IOLoop, hostName: String?) -> any StreamFilter {
        TLSFilter(shared(on: loop), self, hostName: hostName)
    }

    /// Secures these listening sockets: servers that begin to accept on them after this call speak TLS.
    package func secure(_ sockets: [ListeningSocket]) {
        precondition(isServer, "SSLContext: a client's context cannot secure a listening socket")
        for socket in sockets { socket.filters = self }
    }
}
