import Testing
import TwisterFuzz

/// The fuzz targets, for a few seconds and with a fixed seed. `make fuzz` runs them under libFuzzer.
@Suite("Fuzz targets", .serialized)
struct FuzzSmokeTests {
    @Test("every seed, and mutations of them: every property holds", arguments: FuzzTarget.all)
    func smoke(_ target: FuzzTarget) throws {
        let seeds = try Corpus.seeds(of: target)
        try #require(!seeds.isEmpty)
        let check = try target.makeCheck()
        for seed in seeds { try run(seed, check) }
        var mutator = Mutator(seed: 1)
        for _ in 0..<(["connection", "http2", "tls", "websocket"].contains(target.name) ? 1_500 : 5_000) {
            try run(mutator.mutated(seeds), check)
        }
    }

    private func run(_ octets: [UInt8], _ check: (UnsafeRawBufferPointer) throws -> Void) throws {
        do {
            try octets.withUnsafeBytes(check)
        } catch {
            Issue.record("\(error), for \(octets) (\(String(decoding: octets, as: UTF8.self).debugDescription))")
            throw error
        }
    }
}
