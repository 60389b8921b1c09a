import CoreMetrics
import Glibc
import Synchronization
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The series that the requests of one loop are reported to, found without a lookup by text: routes are numbers, and what
/// else tells requests apart is a number, too. Only the loop's thread uses it; release builds do not check its tables for
/// overlapping accesses, which would take 500 instructions of each request. Debug builds check them.
final class LoopSeries {
    /// The part that is shared by the tables of all loops.
    struct Origin: Sendable {
        /// Tells the tables of a thread apart. Numbers are not used again.
        let number = LoopSeries.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        let factory: any MetricsFactory
        let maxSeries: Int

        init(_ factory: any MetricsFactory, maxSeries: Int) {
            self.factory = factory
            self.maxSeries = max(1, maxSeries)
        }
    }

    private static let lastNumber = Atomic<Int>(0)

    private let factory: any MetricsFactory
    private let maxSeries: Int
    /// By the route's number; at 0 requests without a route.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var routes: [RouteSeries?] = []
    /// The gauges of requests under way, by method and scheme.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var actives: [(any MeterHandler)?]
    private var count = 0
    private var overflow: RequestSeries?

    private init(_ origin: Origin) {
        factory = origin.factory
        maxSeries = origin.maxSeries
        actives = Array(repeating: nil, count: 2 * RequestMethod.allCases.count)
    }

    func active(_ record: ExchangeRecord) -> any MeterHandler {
        let place = 2 * Int(record.methodNumber.rawValue) + (record.isSecured ? 1 : 0)
        return actives[place] ?? makeActive(record, at: place)
    }

    private func makeActive(_ record: ExchangeRecord, at place: Int) -> any MeterHandler {
        let labels = [("http.request.method", Self.name(record.methodNumber)), ("url.scheme", Self.scheme(record))]
        let made = factory.makeMeter(label: "http.server.active_requests", dimensions: labels)
        actives[place] = made
        return made
    }

    func series(_ record: ExchangeRecord) -> RequestSeries {
        let route = record.label.routeNumber
        let kind = RequestKind(record)
        if route < routes.count, let found = routes[route]?.find(kind) { return found }
        return makeSeries(record, kind)
    }

    private func makeSeries(_ record: ExchangeRecord, _ kind: RequestKind) -> RequestSeries {
        guard count < maxSeries else {
            if let overflow { return overflow }
            let made = RequestSeries(factory, [("otel.metric.overflow", "true")])
            overflow = made
            return made
        }
        count += 1
        let made = RequestSeries(factory, labels(record))
        let route = record.label.routeNumber
        if route >= routes.count { routes += Array(repeating: nil, count: route + 1 - routes.count) }
        let ofRoute = routes[route] ?? RouteSeries()
        routes[route] = ofRoute
        ofRoute.add(kind, made)
        return made
    }

    private func labels(_ record: ExchangeRecord) -> [(String, String)] {
        var labels = [
            ("http.request.method", Self.name(record.methodNumber)), ("url.scheme", Self.scheme(record)),
            ("network.protocol.version", record.isHTTP2 ? "2" : "1.\(record.versionMinor)"),
        ]
        if record.label.routeNumber != 0, let route = record.route { labels.append(("http.route", route)) }
        if let status = record.status { labels.append(("http.response.status_code", "\(status)")) }
        if let outcome = record.outcome, outcome != .responded {
            labels.append(("error.type", outcome.rawValue))
        } else if let status = record.status, status >= 500 {
            labels.append(("error.type", "\(status)"))
        }
        return labels
    }

    private static func name(_ method: RequestMethod) -> String { method.name.map { "\($0)" } ?? "_OTHER" }
    private static func scheme(_ record: ExchangeRecord) -> String { record.isSecured ? "https" : "http" }
}

// MARK: - The thread's table

extension LoopSeries {
    /// The tables of a thread, nearly always one.
    private final class Tables {
        #if !DEBUG
        @exclusivity(unchecked)
        #endif
        var all: [(number: Int, series: LoopSeries)] = []
    }

    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<Tables>.fromOpaque(pointer).release() }
        }
        return result == 0 ? key : nil
    }()

    /// The calling thread's table.
    static func ofThread(for origin: Origin) -> LoopSeries {
        guard let key else { preconditionFailure("HTTPMetrics: the process has no thread-specific keys left") }
        let tables: Tables
        if let pointer = pthread_getspecific(key) {
            tables = Unmanaged<Tables>.fromOpaque(pointer).takeUnretainedValue()
        } else {
            tables = Tables()
            pthread_setspecific(key, Unmanaged.passRetained(tables).toOpaque())
        }
        for index in tables.all.indices where tables.all[index].number == origin.number {
            return tables.all[index].series
        }
        let made = LoopSeries(origin)
        tables.all.append((origin.number, made))
        return made
    }
}

// MARK: - What tells requests apart

/// Everything but the route that tells requests apart, in one number.
private struct RequestKind: Equatable {
    private let bits: UInt32

    init(_ record: ExchangeRecord) {
        let outcome: UInt32 =
            switch record.outcome {
            case .responded, nil: 0
            case .clientDisconnected: 1
            case .cut: 2
            case .timeout: 3
            }
        // A status has three digits; 0: none was sent.
        let status = UInt32(clamping: record.status ?? 0) & 1023
        let version: UInt32 = record.versionMinor == 0 ? 0 : 1
        bits =
            status | UInt32(record.methodNumber.rawValue) << 10 | outcome << 16 | version << 18
            | (record.isSecured ? 1 : 0) << 19 | (record.isHTTP2 ? 1 : 0) << 20
    }
}

/// The series of one route: a few, so that a search from the front is the fastest.
private final class RouteSeries {
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var all: ContiguousArray<(kind: RequestKind, series: RequestSeries)> = []

    @inline(__always)
    func find(_ kind: RequestKind) -> RequestSeries? {
        for index in all.indices where all[index].kind == kind { return all[index].series }
        return nil
    }

    func add(_ kind: RequestKind, _ series: RequestSeries) { all.append((kind, series)) }
}

/// Where the requests of one kind are reported to.
final class RequestSeries {
    private let duration: any TimerHandler
    private let requestSize: any RecorderHandler
    private let responseSize: any RecorderHandler

    init(_ factory: any MetricsFactory, _ labels: [(String, String)]) {
        duration = factory.makeTimer(label: "http.server.request.duration", dimensions: labels)
        duration.preferDisplayUnit(.seconds)
        requestSize = factory.makeRecorder(
            label: "http.server.request.body.size", dimensions: labels, aggregate: true)
        responseSize = factory.makeRecorder(
            label: "http.server.response.body.size", dimensions: labels, aggregate: true)
    }

    func record(_ record: ExchangeRecord) {
        let times = record.times
        let end = times.lastByte ?? times.firstByte
        duration.recordNanoseconds(Int64(clamping: end > times.firstByte ? end - times.firstByte : 0))
        requestSize.record(Int64(record.requestBodySize))
        responseSize.record(Int64(record.responseBodySize))
    }
}
