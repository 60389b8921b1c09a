import Testing

@testable import TwisterIO

struct DurationTests {
    @Test("A duration's nanoseconds are whole, truncated and clamped")
    func nanoseconds() {
        #expect(Duration.zero.nanosecondsClamped == 0)
        #expect(Duration.nanoseconds(1).nanosecondsClamped == 1)
        #expect(Duration.nanoseconds(-1).nanosecondsClamped == -1)
        #expect(Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999).nanosecondsClamped == 1)
        #expect(Duration.seconds(3_600).nanosecondsClamped == 3_600_000_000_000)
        #expect(Duration.seconds(-100_000).nanosecondsClamped == -100_000_000_000_000)
        #expect(Duration.nanoseconds(Int64.max).nanosecondsClamped == .max)
        #expect(Duration.seconds(9_223_372_037).nanosecondsClamped == .max)
        #expect(Duration.seconds(-9_223_372_037).nanosecondsClamped == .min)
        #expect(Duration.seconds(Int64.max).nanosecondsClamped == .max)
        #expect(Duration.seconds(Int64.min).nanosecondsClamped == .min)
    }
}
