import Twister

@main
struct MetricsExample: ParsableCommand {
    @OptionGroup var options: ServerOptions

    func run() throws {
        let metrics = PrometheusMetrics()
        var configuration = HTTPServer.Configuration()
        configuration.observers.append(HTTPMetrics(factory: metrics))
        let application = try Application([
            URLSpec(.get, "/hello/([a-z]+)") { $0.write("Hello, \($0.pathArguments[0] ?? "")!\n") },
            URLSpec("/metrics") { MetricsHandler($0, metrics) },
        ])
        try application.run(options, configuration: configuration)
    }
}
