// The cost of finding a route, by the number of routes. The budget: 10,000 routes cost at most 1.2 times as much as 10.
//
//     swift run -c release router-bench
//
// In each table ten routes are looked up (which shows the work), and then all of them (which adds the cost of a table that
// does not fit into the first cache), in random order.
//
// With a number of routes and a number of dispatches among all of them, it does these and nothing else, so that valgrind can
// count: the difference between the counts of two runs, for the difference of their dispatches.
//
//     valgrind --tool=cachegrind --cache-sim=yes --L1=32768,8,64 --LL=524288,8,64 router-bench 10000 4096000
import TwisterWeb

/// The name of a collection. All are equally long, so that tables differ by the number of their routes alone.
func resource(_ index: Int) -> String { "/api/v1/resource\(1_000 + index / 3)" }

/// Routes like those of an API: a collection, an item by number, and a part of the item by name.
func router(_ count: Int) throws -> Router<Int> {
    Router(
        try (0..<count).map { index in
            let resource = resource(index)
            let pattern =
                switch index % 3 {
                case 0: resource
                case 1: resource + "/([0-9]+)"
                default: resource + #"/([0-9]+)/([^/]+)\.json"#
                }
            return Router.Route(try URLPattern(pattern), target: index)
        })
}

/// A path that the route with this number serves.
func path(_ index: Int) -> [UInt8] {
    let resource = resource(index)
    return switch index % 3 {
    case 0: Array(resource.utf8)
    case 1: Array("\(resource)/\(10_000 + index)".utf8)
    default: Array("\(resource)/\(10_000 + index)/name.json".utf8)
    }
}

/// Requests one after the other in one buffer, as in a server's receive buffer.
struct Requests {
    var bytes: [UInt8] = []
    var ranges: [Range<Int>] = []

    /// 4,096 requests, drawn from the paths at random, so that branch prediction cannot learn their order.
    init(from paths: [[UInt8]]) {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<4096 {
            let path = paths[Int.random(in: paths.indices, using: &random)]
            ranges.append(bytes.count..<bytes.count + path.count)
            bytes += path
        }
    }

    func dispatch(among router: Router<Int>) {
        var found = 0
        bytes.withUnsafeBytes { bytes in
            for range in ranges where router.match(.init(rebasing: bytes[range])) != nil { found &+= 1 }
        }
        precondition(found == ranges.count, "a path was not found")
    }
}

struct Measurement {
    var label: String
    var router: Router<Int>
    var requests: Requests
    /// The least time of a round, in nanoseconds a dispatch.
    var best = Double.infinity

    init(_ label: String, _ router: Router<Int>, _ paths: [[UInt8]]) {
        self.label = label
        self.router = router
        requests = Requests(from: paths)
    }

    mutating func run() {
        let time = ContinuousClock().measure { requests.dispatch(among: router) }
        best = min(best, time / .nanoseconds(requests.ranges.count))
    }
}

func report(_ label: String, _ value: Double, _ unit: String = " ns") {
    let text = "\((value * 100).rounded() / 100)"
    print(label + String(repeating: " ", count: max(1, 44 - label.utf8.count)) + text + unit)
}

if CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[1]),
    let dispatches = Int(CommandLine.arguments[2])
{
    let router = try router(count)
    let requests = Requests(from: (0..<count).map(path))
    for _ in 0..<dispatches / requests.ranges.count { requests.dispatch(among: router) }
} else {
    try measureTimes()
}

func measureTimes() throws {
    var measurements: [Measurement] = []
    for count in [10, 1_000, 10_000] {
        let made = try router(count)
        let step = count / 10
        measurements += [
            Measurement("ten of \(count) routes", made, (0..<10).map { path($0 * step + $0 % min(3, step)) }),
            Measurement("all of \(count) routes", made, (0..<count).map(path)),
            Measurement("  a literal", made, [path(count / 2 / 3 * 3)]),
            Measurement("  two groups", made, [path(count / 2 / 3 * 3 + 2)]),
        ]
    }
    // Short rounds, one kind after the other: what else the machine does hits them all alike, and the least time of each is
    // one that nothing has disturbed.
    for _ in 0..<200 {
        for index in measurements.indices {
            // The first round brings the tables back into the cache.
            for _ in 0..<2 { measurements[index].run() }
        }
    }
    for measurement in measurements { report(measurement.label, measurement.best) }
    report("10,000 routes to 10, ten of them", measurements[8].best / measurements[0].best, "")
    report("10,000 routes to 10, all of them", measurements[9].best / measurements[1].best, "")

    let everything = Router([Router<Int>.Route(try URLPattern("/(.*)a(.*)a(.*)a(.*)b"), target: 0)])
    let hostile = Array(("/" + String(repeating: "a", count: 8_000)).utf8)
    let time = ContinuousClock().measure {
        precondition(hostile.withUnsafeBytes { everything.match($0) } == nil)
    }
    print("a hostile path of 8,000 bytes against four overlapping loops: \(time)")

    // Patterns that are not in the trie: an automaton needs a time that grows with the path's length only.
    let page = Router([Router<Int>.Route(try URLPattern(#"/docs/(?:(.*)/)?(.*)\.html"#), target: 0)])
    var automaton = Measurement("a page, by an automaton", page, [Array("/docs/a/b/c/index.html".utf8)])
    for _ in 0..<5 { automaton.run() }
    report(automaton.label, automaton.best)
    let slashes = Array(("/docs/" + String(repeating: "a/", count: 4_000)).utf8)
    let automatonTime = ContinuousClock().measure {
        precondition(slashes.withUnsafeBytes { page.match($0) } == nil)
    }
    print("a hostile path of 8,000 bytes against an automaton: \(automatonTime)")
}
