import Synchronization
import Testing

@testable import TwisterIO
@testable import TwisterWeb

/// A body that comes in the given pieces, and counts how many were asked for.
struct PieceSource: AsyncSequence, AsyncIteratorProtocol {
    final class Count: Sendable {
        let value = Mutex(0)
    }

    private var pieces: ArraySlice<[UInt8]>
    /// Thrown behind the last piece.
    private let error: (any Error)?
    let asked = Count()

    init(_ pieces: [[UInt8]], error: (any Error)? = nil) {
        self.pieces = pieces[...]
        self.error = error
    }

    /// The text in pieces of that many bytes.
    init(_ text: String, size: Int = 1 << 20, error: (any Error)? = nil) {
        let octets = Array(text.utf8)
        let starts = stride(from: 0, to: octets.count, by: size)
        self.init(starts.map { Array(octets[$0...].prefix(size)) }, error: error)
    }

    func makeAsyncIterator() -> PieceSource { self }

    mutating func next() async throws -> [UInt8]? {
        await Task.yield()
        asked.value.withLock { $0 += 1 }
        if let piece = pieces.popFirst() { return piece }
        if let error { throw error }
        return nil
    }
}

/// Runs `body` on a new loop, whose thread is its own.
func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (IOLoop) async throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do throws(IOError) {
            try NativeThread.start(name: "upload-test") {
                continuation.resume(
                    with: Result {
                        let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
                        defer { loop.close() }
                        return try loop.runSync(timeout: .seconds(60)) { try await body(loop) }
                    })
            }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

let formType = "multipart/form-data; boundary=b"

func part(_ parameters: String, _ content: String, type: String? = nil) -> String {
    let type = type.map { "Content-Type: \($0)\r\n" } ?? ""
    return "--b\r\nContent-Disposition: form-data; \(parameters)\r\n\(type)\r\n\(content)\r\n"
}

/// Expects that `work` throws that error.
func expectError(
    _ expected: FormError, _ location: SourceLocation = #_sourceLocation, _ work: () async throws -> Void
) async {
    do {
        try await work()
        Issue.record("no error", sourceLocation: location)
    } catch {
        #expect(error as? FormError == expected, sourceLocation: location)
    }
}
