import CoreMetrics
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterMetrics

/// what a server reports of its requests, connections, limits and loops.
@Suite("HTTPMetrics", .serialized)
struct HTTPMetricsTests {
    private static let duration = "http_server_request_duration_seconds"
    private static let active = "http_server_active_requests"

    private static func application(_ metrics: PrometheusMetrics) throws -> Application {
        try Application([
            URLSpec(.get, "/") { $0.write("Hello") },
            URLSpec(.get, "/users/([0-9]+)") { $0.write("a user") },
            URLSpec(.post, "/echo") { $0.write($0.request.body) },
            URLSpec(.get, "/fails") { _ in throw TestFailure("on purpose") },
            URLSpec(.get, "/status/([0-9]+)") { handler in
                handler.setStatus(HTTPResponse.Status(code: handler.pathArguments[0].flatMap { Int($0) } ?? 500))
            },
            URLSpec(.get, "/wait") { try await $0.sleep(for: .seconds(30)) },
            URLSpec("/metrics") { MetricsHandler($0, metrics) },
        ])
    }

    private func withMetrics(
        _ backend: IOBackend, loops: Int = 1, maxSeries: Int = 2000,
        configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (UInt16, PrometheusMetrics) async throws -> Void
    ) async throws {
        let metrics = PrometheusMetrics()
        let observer = HTTPMetrics(factory: metrics, maxSeries: maxSeries)
        try await withServer(backend, try Self.application(metrics), loops: loops) {
            $0.observers = [observer]
            configure(&$0)
        } _: { port in
            try await body(port, metrics)
        }
    }

    /// The page, once so many requests have ended: their ends are noted when the kernel has taken the response.
    private func page(_ metrics: PrometheusMetrics, requests: Double) async throws -> PrometheusPage {
        var page = try PrometheusPage(metrics.text())
        try await eventually("\(requests) requests") {
            page = try PrometheusPage(metrics.text())
            return page.all("\(Self.duration)_count").reduce(0) { $0 + $1.value } >= requests
        }
        return page
    }

    @Test("X-60: requests are reported by their route's pattern, method and status", arguments: testedBackends)
    func requests(backend: IOBackend) async throws {
        try await withMetrics(backend) { port, metrics in
            let client = try TestClient(port: port)
            for number in 0..<20 { #expect(try client.get("/users/\(number)").status == 200) }
            for number in 0..<20 { #expect(try client.get("/nowhere/\(number)").status == 404) }
            for _ in 0..<2 { #expect(try client.get("/fails").status == 500) }
            #expect(try client.ask("BREW /users/1 HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
            #expect(try client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345").status == 200)
            #expect(try client.ask("GET / HTTP/1.0\r\n\r\n").status == 200)

            let page = try await self.page(metrics, requests: 45)
            let common = ["http_request_method": "GET", "url_scheme": "http", "network_protocol_version": "1.1"]
            let users = common.merging(
                ["http_route": "/users/([0-9]+)", "http_response_status_code": "200"]) { $1 }
            #expect(page.value("\(Self.duration)_count", users) == 20)
            #expect(page.value("http_server_response_body_size_bytes_sum", users) == 120)
            let sum = try #require(page.value("\(Self.duration)_sum", users))
            #expect(sum > 0 && sum < 10)
            let missing = common.merging(["http_response_status_code": "404"]) { $1 }
            #expect(page.value("\(Self.duration)_count", missing) == 20)
            let failed = ["http_route": "/fails", "http_response_status_code": "500", "error_type": "500"]
            #expect(page.all("\(Self.duration)_count", failed).map(\.value) == [2])
            let other = ["http_request_method": "_OTHER", "http_route": "/users/([0-9]+)"]
            #expect(page.all("\(Self.duration)_count", other).count == 1)
            let echo = ["http_request_method": "POST", "http_route": "/echo"]
            #expect(page.all("http_server_request_body_size_bytes_sum", echo).map(\.value) == [5])
            let old = ["http_route": "/", "network_protocol_version": "1.0"]
            #expect(page.all("\(Self.duration)_count", old).map(\.value) == [1])
            #expect(page.all("\(Self.duration)_count").count == 6)
            #expect(page.all(Self.active).allSatisfy { $0.value == 0 })
            #expect(page.samples.allSatisfy { $0.name.hasPrefix("http_server_") || $0.name.hasPrefix("twister_") })
        }
    }

    @Test(
        "X-60: requests under way are counted, and one that its client gives up is an error", arguments: testedBackends)
    func active(backend: IOBackend) async throws {
        try await withMetrics(backend) { port, metrics in
            func active() throws -> Double {
                try PrometheusPage(metrics.text()).all(Self.active).reduce(0) { $0 + $1.value }
            }
            do {
                let clients = try (0..<3).map { _ in try TestClient(port: port) }
                for client in clients { try client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
                try await eventually("three are under way") { try active() == 3 }
                withExtendedLifetime(clients) {}
            }
            let page = try await self.page(metrics, requests: 3)
            try await eventually("none is under way") { try active() == 0 }
            let gone = ["error_type": "client_disconnected", "http_route": "/wait"]
            #expect(page.all("\(Self.duration)_count", gone).map(\.value) == [3])
            #expect(page.all("\(Self.duration)_count", gone).first?.labels["http_response_status_code"] == nil)
        }
    }

    @Test("X-60: clients and applications cannot make series without end", arguments: testedBackends)
    func bounded(backend: IOBackend) async throws {
        try await withMetrics(backend, maxSeries: 5) { port, metrics in
            let client = try TestClient(port: port)
            for status in 210..<230 { #expect(try client.get("/status/\(status)").status == status) }
            let page = try await self.page(metrics, requests: 20)
            #expect(page.all("\(Self.duration)_count").count == 6)
            #expect(page.value("\(Self.duration)_count", ["otel_metric_overflow": "true"]) == 15)
        }
    }

    @Test("X-60: connections, turns and the limits that were hit are counted", arguments: testedBackends)
    func counts(backend: IOBackend) async throws {
        try await withMetrics(backend) {
            $0.maxBodySize = 10
            $0.maxRequestLineSize = 100
            $0.maxHeaderSize = 1000
            $0.headerTimeout = .milliseconds(50)
        } _: { port, metrics in
            let idle = try (0..<3).map { _ in try TestClient(port: port) }
            for client in idle { #expect(try client.get("/").status == 200) }
            let long = String(repeating: "a", count: 2000)
            let requests = [
                413: "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n",
                414: "GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n",
                431: "GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n",
                408: "GET / HTTP/1.1\r\n",
            ]
            for (status, request) in requests {
                #expect(try TestClient(port: port).ask(request).status == status)
            }
            var page = try await self.page(metrics, requests: 7)
            try await eventually("three connections are left") {
                page = try PrometheusPage(metrics.text())
                return page.value("twister_connections_open") == 3
            }
            #expect(page.value("twister_connections_accepted_total") == 7)
            for status in [408, 413, 414, 431] {
                #expect(page.value("twister_limits_hit_total", ["http_response_status_code": "\(status)"]) == 1)
            }
            for status in [429, 503] {
                #expect(page.value("twister_limits_hit_total", ["http_response_status_code": "\(status)"]) == 0)
            }
            #expect(try #require(page.value("twister_loop_turns_total")) > 3)
            #expect(page.value("twister_loop_stalls_total") == 0)
            withExtendedLifetime(idle) {}
        }
    }

    @Test("X-60: requests and connections over their client's limits are counted", arguments: testedBackends)
    func clientLimits(backend: IOBackend) async throws {
        try await withMetrics(backend) {
            $0.trustedProxies = []
            $0.clientLimits.maxConnections = 1
            $0.clientLimits.requestsPerSecond = 0.001
            $0.clientLimits.burst = 1
        } _: { port, metrics in
            let client = try TestClient(port: port)
            #expect(try client.get("/").status == 200)
            #expect(try client.get("/").status == 429)
            let second = try TestClient(port: port)
            #expect(throws: TestClient.Failure.self) { try second.get("/") }
            let page = try await self.page(metrics, requests: 2)
            #expect(page.value("twister_limits_hit_total", ["http_response_status_code": "429"]) == 1)
            #expect(page.value("twister_connections_refused_total") == 1)
        }
    }

    @Test("X-60: the numbers of several loops are summed, and stay when a server ends", arguments: testedBackends)
    func loops(backend: IOBackend) async throws {
        let metrics = PrometheusMetrics()
        let observer = HTTPMetrics(factory: metrics)
        try await withServer(backend, try Self.application(metrics), loops: 2) {
            $0.observers = [observer]
        } _: { port in
            for _ in 0..<40 {
                #expect(try TestClient(port: port).get("/").status == 200)
            }
            _ = try await self.page(metrics, requests: 40)
        }
        let page = try PrometheusPage(metrics.text())
        #expect(page.value("twister_connections_accepted_total") == 40)
        #expect(page.value("twister_connections_open") == 0)
        #expect(page.all("\(Self.duration)_count", ["http_route": "/"]).map(\.value) == [40])
    }

    @Test("X-60: dropped lines and stalls are reported from where they are counted")
    func seam() throws {
        let metrics = PrometheusMetrics()
        let dropped = ConditionLock(0)
        let report = CountReport(metrics, droppedLines: { dropped.withLock { $0 } })
        let counts = ServerCounts(loop: LoopCounts())
        report.add(counts)
        counts.loop.stalls.addFromAnyThread(2)
        dropped.withLock { $0 = 7 }
        report.report()
        report.report()
        counts.loop.stalls.addFromAnyThread()
        report.report()
        let page = try PrometheusPage(metrics.text())
        #expect(page.value("twister_loop_stalls_total") == 3)
        #expect(page.value("twister_log_dropped_lines_total") == 7)
    }

    @Test("X-60: a backend that is not asked for its numbers gets them from time to time", arguments: testedBackends)
    func otherBackend(backend: IOBackend) async throws {
        let prometheus = PrometheusMetrics()
        // Hidden in another factory, it is a backend like any other.
        let factory = MultiplexMetricsHandler(factories: [prometheus])
        let observer = HTTPMetrics(factory: factory, reportInterval: .milliseconds(20))
        try await withServer(backend, try Self.application(prometheus)) {
            $0.observers = [observer]
        } _: { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/").status == 200)
            try await eventually("the connection is reported") {
                try PrometheusPage(prometheus.text()).value("twister_connections_open") == 1
            }
            let page = try await self.page(prometheus, requests: 1)
            #expect(page.value("twister_connections_accepted_total") == 1)
        }
    }

    @Test("X-60: /metrics serves the bootstrapped backend, and is not there without one", arguments: [testedBackends])
    func handler(backends: [IOBackend]) async throws {
        let application = try Application([URLSpec("/metrics", MetricsHandler.self)])
        for backend in backends {
            try await withServer(backend, application) { port in
                let response = try TestClient(port: port).get("/metrics")
                #expect(response.status == 404)
            }
        }
        let metrics = PrometheusMetrics()
        // Once for each process, so that nothing else in these tests may do it.
        MetricsSystem.bootstrap(metrics)
        Counter(label: "a.users.counter").increment()
        for backend in backends {
            try await withServer(backend, application) { port in
                let response = try TestClient(port: port).get("/metrics")
                #expect(response.status == 200)
                #expect(response.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
                #expect(try PrometheusPage(response.text).value("a_users_counter_total") == 1)
            }
        }
    }
}
