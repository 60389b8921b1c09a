import Testing
import TwisterCodec

/// RFC 9110 13.2.2: which condition decides, and with which result.
struct PreconditionsTests {
    private static let now: Int64 = 1_700_000_000
    private static let modified: Int64 = 784_111_777
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    private static let after = "Sun, 06 Nov 1994 08:49:38 GMT"

    private func outcome(
        tag: String? = "t", isWeak: Bool = false, _ change: (inout Preconditions) -> Void
    ) -> Preconditions.Outcome {
        var conditions = Preconditions()
        change(&conditions)
        return conditions.evaluate(
            tag: tag.flatMap { EntityTag($0, isWeak: isWeak) }, lastModified: Self.modified, now: Self.now)
    }

    @Test("no condition is met")
    func none() { #expect(outcome { _ in } == .met) }

    @Test("If-Match compares strongly; * matches every representation")
    func ifMatch() {
        #expect(outcome { $0.ifMatch = #""t""# } == .met)
        #expect(outcome { $0.ifMatch = #""a", "t""# } == .met)
        #expect(outcome { $0.ifMatch = "*" } == .met)
        #expect(outcome { $0.ifMatch = #"W/"t""# } == .failed)
        #expect(outcome { $0.ifMatch = #""a""# } == .failed)
        #expect(outcome { $0.ifMatch = "t" } == .failed)
        #expect(outcome(isWeak: true) { $0.ifMatch = #"W/"t""# } == .failed)
        #expect(outcome(tag: nil) { $0.ifMatch = #""t""# } == .failed)
        #expect(outcome(tag: nil) { $0.ifMatch = "*" } == .met)
    }

    @Test("If-Unmodified-Since counts where there is no If-Match; a text that is no date is ignored")
    func ifUnmodifiedSince() {
        #expect(outcome { $0.ifUnmodifiedSince = Self.date } == .met)
        #expect(outcome { $0.ifUnmodifiedSince = Self.after } == .met)
        #expect(outcome { $0.ifUnmodifiedSince = Self.before } == .failed)
        #expect(outcome { $0.ifUnmodifiedSince = "yesterday" } == .met)
        #expect(outcome { ($0.ifMatch, $0.ifUnmodifiedSince) = (#""t""#, Self.before) } == .met)
        #expect(outcome { ($0.ifMatch, $0.ifUnmodifiedSince) = (#""a""#, Self.after) } == .failed)
    }

    @Test("If-None-Match compares weakly")
    func ifNoneMatch() {
        #expect(outcome { $0.ifNoneMatch = #""t""# } == .notModified)
        #expect(outcome { $0.ifNoneMatch = #"W/"t""# } == .notModified)
        #expect(outcome { $0.ifNoneMatch = #""a", "t""# } == .notModified)
        #expect(outcome { $0.ifNoneMatch = "*" } == .notModified)
        #expect(outcome { $0.ifNoneMatch = #""a""# } == .met)
        #expect(outcome(isWeak: true) { $0.ifNoneMatch = #""t""# } == .notModified)
        #expect(outcome(tag: nil) { $0.ifNoneMatch = #""t""# } == .met)
    }

    @Test("If-Modified-Since counts where there is no If-None-Match; a text that is no date is ignored")
    func ifModifiedSince() {
        #expect(outcome { $0.ifModifiedSince = Self.date } == .notModified)
        #expect(outcome { $0.ifModifiedSince = Self.after } == .notModified)
        #expect(outcome { $0.ifModifiedSince = Self.before } == .met)
        #expect(outcome { $0.ifModifiedSince = "" } == .met)
        #expect(outcome { $0.ifModifiedSince = "\(Self.date), \(Self.date)" } == .met)
        #expect(outcome { ($0.ifNoneMatch, $0.ifModifiedSince) = (#""a""#, Self.after) } == .met)
        #expect(outcome { ($0.ifNoneMatch, $0.ifModifiedSince) = (#""t""#, Self.before) } == .notModified)
        for form in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            #expect(outcome { $0.ifModifiedSince = form } == .notModified, "\(form)")
        }
    }

    @Test("conditions on changes are evaluated before those of caches")
    func precedence() {
        #expect(outcome { ($0.ifMatch, $0.ifNoneMatch) = (#""a""#, #""t""#) } == .failed)
        #expect(outcome { ($0.ifMatch, $0.ifNoneMatch) = (#""t""#, #""t""#) } == .notModified)
        #expect(outcome { ($0.ifUnmodifiedSince, $0.ifNoneMatch) = (Self.before, #""t""#) } == .failed)
        #expect(outcome { ($0.ifUnmodifiedSince, $0.ifModifiedSince) = (Self.date, Self.date) } == .notModified)
    }

    private func allowsRange(_ field: String?, tag: String? = "t", isWeak: Bool = false, now: Int64 = now) -> Bool {
        var conditions = Preconditions()
        conditions.ifRange = field
        return conditions.allowRange(
            tag: tag.flatMap { EntityTag($0, isWeak: isWeak) }, lastModified: Self.modified, now: now)
    }

    @Test("W-24: If-Range requires this very version: the strong tag, or the exact date")
    func ifRange() {
        #expect(allowsRange(nil))
        #expect(allowsRange(#""t""#))
        #expect(!allowsRange(#""a""#))
        #expect(!allowsRange(#"W/"t""#))
        #expect(!allowsRange(#""t", "u""#))
        #expect(!allowsRange("*"))
        #expect(!allowsRange(#""t""#, tag: nil))
        #expect(!allowsRange(#""t""#, isWeak: true))
        #expect(!allowsRange(#"W/"t""#, isWeak: true))
        #expect(allowsRange(Self.date))
        #expect(!allowsRange(Self.after), "later than the file is not the file's")
        #expect(!allowsRange(Self.before))
        #expect(!allowsRange("nonsense"))
        #expect(!allowsRange(Self.date, now: Self.modified), "it may change again within this second")
    }
}
