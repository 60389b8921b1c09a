public import CoreMetrics
import Logging
import TwisterIO

/// A backend of swift-metrics that keeps its numbers in this process, and writes them in Prometheus' text format.
///
///     MetricsSystem.bootstrap(PrometheusMetrics())
///
/// Counters become counters, meters and gauges become gauges, timers and recorders that aggregate become histograms with
/// fixed buckets. `http.server.request.duration` becomes `http_server_request_duration_seconds`: what is no letter or digit
/// becomes an underscore, timers get the suffix `_seconds` and counters `_total`.
///
/// Several loops add to the same numbers. Several processes (`--processes`) have numbers of their own, each with the label
/// `process`: a request for the page is served by one of them.
public final class PrometheusMetrics: MetricsFactory {
    /// How numbers are kept and named.
    public struct Configuration: Sendable {
        /// The upper bounds of the buckets of timers, in seconds. Default: OpenTelemetry's advice for HTTP, 5 ms to 10 s.
        public var timerBuckets: [Double] = [
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
        ]
        /// The upper bounds of the buckets of recorders. Default: powers of four, 1 to 67,108,864 (64 MiB, for sizes).
        public var recorderBuckets: [Double] = (0...13).map { Double(1 << (2 * $0)) }
        /// Upper bounds for the metrics with these labels, instead of the ones above. At most 30 are used.
        public var buckets: [String: [Double]] = [:]
        /// The unit that becomes a part of the names of the metrics with these labels. Default: bytes for sizes of bodies.
        public var units = ["http.server.request.body.size": "bytes", "http.server.response.body.size": "bytes"]
        /// The texts of the `HELP` lines of the metrics with these labels. Default: for Twister's own; others show the label.
        public var help = PrometheusHelp.texts
        /// Labels of all series. Default: `process`, the number of the worker, where a supervisor has started the process.
        public var labels: [(name: String, value: String)] =
            ProcessSupervisor.taskID.map { [("process", "\($0)")] } ?? []
        /// The most series that are kept; further ones are counted in `twister_metrics_dropped_series`, and nothing else
        /// is known of them. Default 10,000.
        public var maxSeries = 10_000

        public init() {}
    }

    /// The content type of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct State {
        var registry: PrometheusRegistry
        var readers: [@Sendable () -> Void] = []
        var hasWarned = false
    }
    // Not a Mutex: the thread sanitizer does not know it.
    private let state: ConditionLock<State>
    private let configuration: Configuration

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        state = ConditionLock(
            State(registry: PrometheusRegistry(labels: configuration.labels, maxSeries: configuration.maxSeries)))
    }

    /// All numbers, as they are now, in Prometheus' text format (version 0.0.4). On any thread.
    public func text() -> String {
        // The readers report to this object, and so are called without its lock.
        for reader in state.withLock({ $0.readers }) { reader() }
        return state.withLock { $0.registry.text() }
    }

    /// Has `reader` called each time before the numbers are read.
    func beforeReading(_ reader: @escaping @Sendable () -> Void) { state.withLock { $0.readers.append(reader) } }

    // MARK: MetricsFactory

    /// A counter; the same one for the same label and dimensions, as with all series.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    /// A counter of fractions, which may share its series with a counter of whole numbers.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    /// A histogram, or a gauge where the recorder does not aggregate.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return gauge(label, dimensions) }
        let bounds = configuration.buckets[label] ?? configuration.recorderBuckets
        return series(label, .histogram, unit: configuration.units[label], dimensions) {
            PrometheusHistogram(bounds: bounds, unitsPerValue: 1)
        }
    }

    /// A histogram in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let bounds = configuration.buckets[label] ?? configuration.timerBuckets
        return series(label, .histogram, unit: "seconds", dimensions) {
            PrometheusHistogram(bounds: bounds, unitsPerValue: 1_000_000_000)
        }
    }

    /// Removes the counter's series from the page.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    /// Removes the counter's series from the page.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    /// Removes the meter's series from the page.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    /// Removes the recorder's series from the page.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    /// Removes the timer's series from the page.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: Series

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> PrometheusCounter {
        series(label, .counter, unit: configuration.units[label], dimensions) { PrometheusCounter() }
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> PrometheusGauge {
        series(label, .gauge, unit: configuration.units[label], dimensions) { PrometheusGauge() }
    }

    /// The series of that name with these labels, made where there is none. One that cannot be kept is made, too, so that its
    /// user need not know.
    private func series<Series: PrometheusSeries>(
        _ label: String, _ kind: PrometheusKind, unit: String?, _ dimensions: [(String, String)],
        _ make: () -> Series
    ) -> Series {
        let name = PrometheusSyntax.name(of: label, unit: unit, kind)
        let help = configuration.help[label] ?? label
        var warning: String?
        let found = state.withLock { state -> Series? in
            switch state.registry.series(name, kind, help: help, dimensions, make) {
            case .found(let series): return series as? Series
            case .refused(let reason):
                if !state.hasWarned { warning = reason }
                state.hasWarned = true
                return nil
            }
        }
        if let warning { Log.general.warning("Metrics: '\(label)' is not kept: \(warning)") }
        return found ?? make()
    }

    private func remove(_ handler: AnyObject) {
        guard let series = handler as? any PrometheusSeries else { return }
        state.withLock { $0.registry.remove(series) }
    }
}

/// The `HELP` texts of Twister's own metrics.
enum PrometheusHelp {
    static let texts = [
        "http.server.request.duration":
            "Duration of HTTP requests, from their first byte to the last byte of the response.",
        "http.server.active_requests": "HTTP requests under way.",
        "http.server.request.body.size": "Size of the bodies of HTTP requests.",
        "http.server.response.body.size": "Size of the bodies of HTTP responses.",
        "twister.connections.open": "Open connections.",
        "twister.connections.accepted": "Accepted connections.",
        "twister.connections.refused": "Connections that were closed at once, because their client has too many.",
        "twister.http2.limits.hit": "Connections and streams of HTTP/2 that a limit has ended.",
        "twister.limits.hit":
            "Requests that a limit or a deadline of the server has ended, by the status of the response.",
        "twister.loop.turns": "Turns of the event loops.",
        "twister.loop.stalls": "How often an event loop did not turn for longer than it may.",
        "twister.log.dropped_lines": "Lines of the logs that were dropped, because their reader is too slow.",
    ]
}
