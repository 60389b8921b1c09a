import CoreMetrics
import HTTPTypes
public import TwisterWeb

/// Serves the metrics of this process in Prometheus' text format: `URLSpec("/metrics", MetricsHandler.self)`.
///
/// It serves what the `PrometheusMetrics` has that `MetricsSystem.bootstrap` was given. Where that was given another backend,
/// or nothing, there is no page: 404. A program that does not want to bootstrap says what to serve:
///
///     let metrics = PrometheusMetrics()
///     configuration.observers.append(HTTPMetrics(factory: metrics))
///     URLSpec("/metrics") { MetricsHandler($0, metrics) }
///
/// The page tells everybody who can read it how much the server is used: serve it on a port or under a host that is not
/// public.
public final class MetricsHandler: RequestHandler {
    private let metrics: PrometheusMetrics?

    public required init(_ context: HandlerContext) {
        metrics = MetricsSystem.factory as? PrometheusMetrics
        super.init(context)
    }

    /// Serves those metrics, whatever `MetricsSystem` was given.
    public init(_ context: HandlerContext, _ metrics: PrometheusMetrics) {
        self.metrics = metrics
        super.init(context)
    }

    public override func get() async throws {
        guard let metrics else { throw HTTPError(.notFound) }
        try setHeader(.contentType, PrometheusMetrics.contentType)
        try setHeader(.cacheControl, "no-store")
        write(metrics.text())
    }
}
