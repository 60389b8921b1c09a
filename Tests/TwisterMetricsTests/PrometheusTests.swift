import CoreMetrics
import Testing
import TwisterTestSupport

@testable import TwisterMetrics

/// X-60: the backend that writes Prometheus' text format.
@Suite("Prometheus")
struct PrometheusTests {
    private func page(_ metrics: PrometheusMetrics) throws -> PrometheusPage { try PrometheusPage(metrics.text()) }

    @Test("X-60: an empty page is a valid one")
    func empty() throws {
        #expect(try page(PrometheusMetrics()).samples.map(\.name) == ["twister_metrics_dropped_series"])
    }

    @Test("X-60: counters, of whole numbers and fractions, only grow, and get the suffix _total")
    func counters() throws {
        let metrics = PrometheusMetrics()
        let counter = Counter(label: "jobs.done", dimensions: [("kind", "a")], factory: metrics)
        counter.increment(by: 3)
        counter.increment(by: -2)
        Counter(label: "jobs.done", dimensions: [("kind", "a")], factory: metrics).increment()
        FloatingPointCounter(label: "jobs.done", dimensions: [("kind", "b")], factory: metrics).increment(by: 0.25)
        let page = try self.page(metrics)
        #expect(page.types["jobs_done_total"] == "counter")
        #expect(page.help["jobs_done_total"] == "jobs.done")
        #expect(page.value("jobs_done_total", ["kind": "a"]) == 4)
        #expect(page.value("jobs_done_total", ["kind": "b"]) == 0.25)
        counter.reset()
        #expect(try self.page(metrics).value("jobs_done_total", ["kind": "a"]) == 0)
    }

    @Test("X-60: meters and gauges go up and down")
    func gauges() throws {
        let metrics = PrometheusMetrics()
        let meter = Meter(label: "queue.length", factory: metrics)
        meter.set(5)
        meter.increment(by: 2.5)
        meter.decrement()
        Gauge(label: "temperature", factory: metrics).record(-1.5)
        let page = try self.page(metrics)
        #expect(page.types["queue_length"] == "gauge")
        #expect(page.value("queue_length") == 6.5)
        #expect(page.value("temperature") == -1.5)
    }

    @Test("X-60: timers are histograms in seconds, with bounds from 5 ms to 10 s; a bound belongs to its bucket")
    func timers() throws {
        let metrics = PrometheusMetrics()
        let timer = Timer(label: "step", factory: metrics)
        for milliseconds in [1, 5, 6, 10_000, 10_001] { timer.recordMilliseconds(milliseconds) }
        let page = try self.page(metrics)
        #expect(page.types["step_seconds"] == "histogram")
        #expect(page.all("step_seconds_bucket").count == 15)
        #expect(page.value("step_seconds_bucket", ["le": "0.005"]) == 2)
        #expect(page.value("step_seconds_bucket", ["le": "0.01"]) == 3)
        #expect(page.value("step_seconds_bucket", ["le": "10"]) == 4)
        #expect(page.value("step_seconds_bucket", ["le": "+Inf"]) == 5)
        #expect(page.value("step_seconds_count") == 5)
        #expect(abs((page.value("step_seconds_sum") ?? 0) - 20.013) < 0.000_001)
    }

    @Test("X-60: recorders that aggregate have buckets of their own, whole numbers and others")
    func recorders() throws {
        var configuration = PrometheusMetrics.Configuration()
        configuration.buckets = ["load": [2, 1, .infinity, 1]]
        let metrics = PrometheusMetrics(configuration)
        let recorder = Recorder(label: "load", factory: metrics)
        recorder.record(1)
        recorder.record(1.5)
        recorder.record(7)
        recorder.record(Double.nan)
        let page = try self.page(metrics)
        #expect(page.all("load_bucket").map(\.value) == [1, 2, 3])
        #expect(page.value("load_sum") == 9.5)
    }

    @Test("X-60: names and labels that Prometheus does not allow are replaced, values escaped")
    func names() throws {
        var configuration = PrometheusMetrics.Configuration()
        configuration.labels = [("process", "1")]
        configuration.help = ["9 lives": "one\nline \\ \"two\""]
        let metrics = PrometheusMetrics(configuration)
        let dimensions = [
            ("a-b", "say \"hi\"\n\\ü"), ("le", "1"), ("__x", "y"), ("a.b", "second"), ("process", "mine"),
        ]
        Counter(label: "9 lives", dimensions: dimensions, factory: metrics).increment()
        let page = try self.page(metrics)
        let labels = ["a_b": "say \"hi\"\n\\ü", "label_le": "1", "label___x": "y", "process": "mine"]
        #expect(page.value("_9_lives_total", labels) == 1)
        #expect(page.help["_9_lives_total"] == #"one\nline \\ "two""#)
        #expect(page.value("twister_metrics_dropped_series", ["process": "1"]) == 0)
    }

    @Test("X-60: dimensions in another order are the same series")
    func order() throws {
        let metrics = PrometheusMetrics()
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: metrics).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: metrics).increment()
        #expect(try page(metrics).value("c_total", ["a": "1", "b": "2"]) == 2)
    }

    @Test("X-60: a name that is taken by another type, or by a histogram's samples, is not kept, and harms nothing")
    func conflicts() throws {
        let metrics = PrometheusMetrics()
        Recorder(label: "size", factory: metrics).record(1)
        Meter(label: "size", factory: metrics).set(1)
        Meter(label: "size.sum", factory: metrics).set(1)
        Meter(label: "wait.count", factory: metrics).set(1)
        Recorder(label: "wait", factory: metrics).record(1)
        let page = try self.page(metrics)
        #expect(page.types["size"] == "histogram")
        #expect(page.types["wait_count"] == "gauge")
        #expect(page.types["wait"] == nil)
        #expect(page.value("twister_metrics_dropped_series") == 3)
    }

    @Test("X-60: the number of series is bounded; a destroyed one makes room")
    func bounded() throws {
        var configuration = PrometheusMetrics.Configuration()
        configuration.maxSeries = 10
        let metrics = PrometheusMetrics(configuration)
        let counters = (0..<20).map { Counter(label: "c", dimensions: [("id", "\($0)")], factory: metrics) }
        for counter in counters { counter.increment() }
        var page = try self.page(metrics)
        #expect(page.all("c_total").count == 10)
        #expect(page.value("twister_metrics_dropped_series") == 10)
        counters[0].destroy()
        Counter(label: "d", factory: metrics).increment()
        page = try self.page(metrics)
        #expect(page.all("c_total").count == 9)
        #expect(page.value("d_total") == 1)
    }

    @Test("X-60: threads that add at once lose nothing")
    func threads() async throws {
        let metrics = PrometheusMetrics()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let timer = Timer(label: "t", factory: metrics)
                    let counter = FloatingPointCounter(label: "f", factory: metrics)
                    for _ in 0..<5000 {
                        timer.recordNanoseconds(1_000_000)
                        counter.increment(by: 0.5)
                    }
                }
            }
        }
        let page = try self.page(metrics)
        #expect(page.value("t_seconds_count") == 40_000)
        #expect(page.value("t_seconds_sum") == 40)
        #expect(page.value("f_total") == 20_000)
    }
}
