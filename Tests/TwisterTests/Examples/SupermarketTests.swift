import Testing
import TwisterIO
import TwisterTestSupport

/// A small run of the example has to show the differences that it is about.
@Suite("Supermarket", .serialized)
struct SupermarketTests {
    @Test(
        "S-3, S-4, S-5: one seat serves one at a time, twenty seats twenty, and the supermarket everybody",
        arguments: testedBackends)
    func table(backend: IOBackend) throws {
        let program = try ChildProcess(
            "Supermarket", ["--wait", "0.25", "--clients", "300", "--backend", backend.rawValue])
        let rows = try program.remainingLines().suffix(3).map { line in
            line.split(separator: "  ", omittingEmptySubsequences: true).map { $0.drop { $0 == " " } }
        }
        #expect(program.end() == 0)
        try #require(rows.count == 3 && rows.allSatisfy { $0.count == 6 }, "\(rows)")
        #expect(rows.allSatisfy { $0[1] == backend.rawValue })
        let seconds = rows.map { Double($0[3]) ?? 0 }

        // Two requests of a quarter of a second each, one after the other.
        #expect(rows[0][2] == "2")
        #expect(seconds[0] >= 0.5)
        // Forty requests on twenty threads take two rounds, not forty and not one.
        #expect(rows[1][2] == "40")
        #expect(seconds[1] >= 0.5 && seconds[1] < 2.5)
        // All at once: no request waits for another one's quarter of a second.
        #expect(rows[2][2] == "300")
        #expect(seconds[2] >= 0.25 && seconds[2] < 2.5)
        #expect(rows[2][5].hasSuffix(" B"))
    }
}
