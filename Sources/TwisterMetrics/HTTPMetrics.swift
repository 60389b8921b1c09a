public import CoreMetrics
public import TwisterHTTP
package import TwisterIO

/// Reports a server's requests and connections by swift-metrics, with OpenTelemetry's names for HTTP servers.
///
///     var configuration = HTTPServer.Configuration()
///     configuration.observers.append(HTTPMetrics())
///
/// For each request: `http.server.request.duration` (from the request's first byte until the kernel has taken the last byte
/// of the response), `http.server.request.body.size` and `http.server.response.body.size` in bytes, and
/// `http.server.active_requests` while it is under way. Requests are told apart by the pattern of their route, never by
/// their path, and unknown methods are `_OTHER`, so that clients cannot make new series. `docs/metrics.md` lists all names
/// and labels.
///
/// Make one for a process, after `MetricsSystem.bootstrap`. It may observe servers of several loops, which have tables of
/// their own and share nothing but the backend.
public final class HTTPMetrics: ExchangeObserver {
    private let origin: LoopSeries.Origin
    private let report: CountReport
    /// How often counts are reported; nil: the backend asks for them when it is read.
    private let reportInterval: Duration?

    /// - Parameters:
    ///   - factory: where to report to; nil: the backend that `MetricsSystem.bootstrap` was given.
    ///   - maxSeries: the most combinations of route, method, status and error that each loop tells apart; requests of
    ///     further ones are reported together, with the one label `otel.metric.overflow`. Default 2,000.
    ///   - reportInterval: how often the numbers of connections, limits and loops are reported. `PrometheusMetrics` does not
    ///     use it, since it asks for them whenever it is read. Default 10 s.
    public init(
        factory: (any MetricsFactory)? = nil, maxSeries: Int = 2000, reportInterval: Duration = .seconds(10)
    ) {
        let factory = factory ?? MetricsSystem.factory
        origin = LoopSeries.Origin(factory, maxSeries: maxSeries)
        let report = CountReport(factory)
        self.report = report
        if let prometheus = factory as? PrometheusMetrics {
            self.reportInterval = nil
            prometheus.beforeReading { [weak report] in report?.report() }
        } else {
            self.reportInterval = reportInterval
        }
    }

    deinit { report.report() }

    /// Counts the request as under way.
    public func exchangeBegan(_ record: ExchangeRecord) {
        LoopSeries.ofThread(for: origin).active(record).increment(by: 1)
    }

    /// Reports the request's duration and sizes.
    public func exchangeEnded(_ record: ExchangeRecord) {
        let series = LoopSeries.ofThread(for: origin)
        series.active(record).decrement(by: 1)
        series.series(record).record(record)
    }
}

extension HTTPMetrics: CountsObserver {
    package func serverStarted(_ counts: ServerCounts, on loop: IOLoop) {
        report.add(counts)
        if let reportInterval { reportLater(counts, loop, reportInterval) }
    }

    /// Reports from time to time, for as long as the server lives.
    private func reportLater(_ counts: ServerCounts, _ loop: IOLoop, _ interval: Duration) {
        loop.callLater(interval) { [weak self, unowned loop] in
            guard let self else { return }
            report.report()
            if !counts.hasEnded { reportLater(counts, loop, interval) }
        }
    }
}
