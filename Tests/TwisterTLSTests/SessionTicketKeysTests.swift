import Testing
import TwisterTestSupport

@testable import TwisterTLS

@Suite("SessionTicketKeys")
struct SessionTicketKeysTests {
    private let hour = TicketClock.period

    @Test("X-1: keys change each hour, and the one before is accepted for another hour")
    func rotation() throws {
        let seed = TicketSeed(secret: Array(repeating: 7, count: 32), period: 100)
        let keys = SessionTicketKeys(seed, now: 100 * hour)
        let first = try #require(keys.current(now: 100 * hour + 3599))
        let second = try #require(keys.current(now: 101 * hour))
        #expect(first != second && first.name != second.name)
        let found = first.name.withUnsafeBytes { keys.find($0, now: 101 * hour) }
        #expect(found?.key == first && found?.isCurrent == false)
        let late = first.name.withUnsafeBytes { keys.find($0, now: 102 * hour) }
        #expect(late == nil)
        // A clock that goes back changes nothing.
        #expect(keys.current(now: 50 * hour) == keys.current(now: 102 * hour))
    }

    @Test("X-1: processes with the same secret have the same keys, whenever they were started")
    func processes() throws {
        let seed = TicketSeed(secret: Array(0..<32), period: 3)
        let old = SessionTicketKeys(seed, now: 3 * hour)
        let new = SessionTicketKeys(seed, now: 40 * hour)
        #expect(old.current(now: 40 * hour + 1) == new.current(now: 40 * hour + 1))
        let former = try #require(SessionTicketKeys(seed, now: 39 * hour).current(now: 39 * hour))
        let found = former.name.withUnsafeBytes { new.find($0, now: 40 * hour) }
        #expect(found?.key == former)
    }

    @Test("X-1: a secret goes to another process as text, and broken text is none")
    func text() throws {
        let seed = TicketSeed()
        let copy = try #require(TicketSeed(seed.text))
        #expect(copy.secret == seed.secret && copy.period == seed.period)
        for broken in [
            "", ":", "1:", "1:00", "x:" + String(repeating: "0", count: 64), "1:" + String(repeating: "g", count: 64),
        ] {
            #expect(TicketSeed(broken) == nil)
        }
        #expect(TicketSeed("18446744073709551615:" + String(repeating: "0", count: 64)) == nil)
    }

    @Test("X-1: keys of files are used in the order of the files")
    func files() throws {
        let path = TestCertificates.shared.path("ticket.key")
        let keys = try SessionTicketKeys(files: [path])
        #expect(keys.current() == keys.current(now: 1000 * hour))
        #expect(keys.current()?.cipher.count == 32)
    }
}
