import Twister

/// Serves with smaller limits for clients of HTTP/2 than the defaults are.
func serveWithLimits(_ application: Application, _ options: ServerOptions) throws {
    var limits = HTTP2Configuration()
    limits.maxConcurrentStreams = 50
    limits.resets = .init(burst: 100, perSecond: 20)
    var configuration = options.configuration
    configuration.http2 = limits
    try application.run(configuration)
}
