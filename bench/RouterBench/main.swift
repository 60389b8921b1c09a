// The cost of finding a route, by the number of routes. The budget: 10,000 routes cost at most 1.2 times as much as 10.
//
//     swift run -c release router-bench
//
// In each table ten routes are looked up (which shows the work), and then all of them (which adds the cost of a table that
// does not fit into the first cache), in random order.
import TwisterWeb

/// Routes like those of an API: a collection, an item by number, and a part of the item by name.
func patterns(_ count: Int) -> [String] {
    (0..<count).map { index in
        let resource = "/api/v1/resource\(index / 3)"
        return switch index % 3 {
        case 0: resource
        case 1: resource + "/([0-9]+)"
        default: resource + #"/([0-9]+)/([^/]+)\.json"#
        }
    }
}

/// A path that the route with this number serves.
func path(_ index: Int) -> [UInt8] {
    let resource = "/api/v1/resource\(index / 3)"
    return switch index % 3 {
    case 0: Array(resource.utf8)
    case 1: Array("\(resource)/\(index)".utf8)
    default: Array("\(resource)/\(index)/name.json".utf8)
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
}

/// The best of nine runs, in nanoseconds a dispatch.
func measure(_ router: Router<Int>, _ paths: [[UInt8]]) -> Double {
    let requests = Requests(from: paths)
    let rounds = 50
    var best = Double.infinity
    for _ in 0..<9 {
        var found = 0
        let time = ContinuousClock().measure {
            requests.bytes.withUnsafeBytes { bytes in
                for _ in 0..<rounds {
                    for range in requests.ranges where router.match(.init(rebasing: bytes[range])) != nil {
                        found &+= 1
                    }
                }
            }
        }
        precondition(found == rounds * requests.ranges.count, "a path was not found")
        best = min(best, time / .nanoseconds(found))
    }
    return best
}

func report(_ label: String, _ value: Double) {
    let text = "\((value * 10).rounded() / 10)"
    print(label + String(repeating: " ", count: max(1, 44 - label.utf8.count)) + text + " ns")
}

for count in [10, 1_000, 10_000] {
    var routes: [Router<Int>.Route] = []
    for (index, text) in patterns(count).enumerated() {
        routes.append(.init(try URLPattern(text), target: index))
    }
    var router = Router(routes)
    let building = ContinuousClock().measure { router = Router(routes) }
    print("\(count) routes, built in \(building)")

    let step = count / 10
    report("  ten of the routes", measure(router, (0..<10).map { path($0 * step + $0 % min(3, step)) }))
    report("  all routes", measure(router, (0..<count).map(path)))
    report("  a literal", measure(router, [path(count / 2 / 3 * 3)]))
    report("  two groups", measure(router, [path(count / 2 / 3 * 3 + 2)]))
}

let everything = Router([Router<Int>.Route(try URLPattern("/(.*)a(.*)a(.*)a(.*)b"), target: 0)])
let hostile = Array(("/" + String(repeating: "a", count: 8_000)).utf8)
let time = ContinuousClock().measure {
    precondition(hostile.withUnsafeBytes { everything.match($0) } == nil)
}
print("a hostile path of 8,000 bytes against four overlapping loops: \(time)")

// Patterns that are not in the trie: an automaton needs a time that grows with the path's length only.
let page = Router([Router<Int>.Route(try URLPattern(#"/docs/(?:(.*)/)?(.*)\.html"#), target: 0)])
report("a page, by an automaton", measure(page, [Array("/docs/a/b/c/index.html".utf8)]))
let slashes = Array(("/docs/" + String(repeating: "a/", count: 4_000)).utf8)
let automatonTime = ContinuousClock().measure {
    precondition(slashes.withUnsafeBytes { page.match($0) } == nil)
}
print("a hostile path of 8,000 bytes against an automaton: \(automatonTime)")
