/// A range of a file on its way to a client.
///
/// Another thread reads the parts of the range that the page cache does not have, each before it is sent, so that no loop waits
/// for a disk. While a client takes one part, the thread reads the next one. The kernel's own reading ahead would take place on
/// the loop's thread: 8 MiB of it, where that is the setting, keep all other clients waiting for 50 ms.
///
/// It belongs to its loop's thread.
package final class SentFile: @unchecked Sendable {
    package let file: OpenFile
    package let range: Range<Int>
    private let loop: any BlockingWorkLoop
    /// Up to this offset, the bytes were found in the page cache or were read into it.
    private var readyEnd: Int
    /// Whether the previous part had to be read from the disk, so that the next one is read ahead.
    private var isCold = false
    private var reading = Reading.nothing

    private enum Reading {
        case nothing
        /// A thread reads the part that will be sent next.
        case ahead
        /// A thread reads that part, and the sender waits for it.
        case awaited(() -> Void)
    }

    /// How many bytes are checked, or read, at a time.
    private static var partSize: Int { 1 << 20 }

    package init(_ file: OpenFile, _ range: Range<Int>, _ loop: any BlockingWorkLoop) {
        self.file = file
        self.range = range
        self.loop = loop
        readyEnd = range.lowerBound
        if range.count > Self.partSize { file.stopReadingAhead() }
    }

    /// Whether the bytes of `wanted` can be sent without waiting for the disk. If not, they are being read, and `resume` is
    /// called in a later turn. Of several calls that wait, only the last one's `resume` is called.
    package func isReady(_ wanted: Range<Int>, orElse resume: @escaping () -> Void) -> Bool {
        if wanted.upperBound <= readyEnd { return true }
        if case .nothing = reading {
            let part = part(from: wanted.lowerBound)
            if file.isCached(part) {
                readyEnd = part.upperBound
                if isCold { readAhead() }
                return true
            }
            read(part, .awaited(resume))
        } else {
            reading = .awaited(resume)
        }
        return false
    }

    private func part(from offset: Int) -> Range<Int> { offset..<min(offset + Self.partSize, range.upperBound) }

    private func read(_ part: Range<Int>, _ how: Reading) {
        reading = how
        loop.runBlocking { [file] in
            file.load(part)
        } then: {
            self.didRead(part)
        }
    }

    private func readAhead() {
        let next = part(from: readyEnd)
        isCold = !file.isCached(next)
        if isCold { read(next, .ahead) }
    }

    private func didRead(_ part: Range<Int>) {
        guard case .awaited(let resume) = reading else {
            reading = .nothing
            return
        }
        reading = .nothing
        // The part counts as ready even if it could not be read: sending it then fails, and that failure reaches the stream.
        readyEnd = part.upperBound
        readAhead()
        resume()
    }
}

/// A loop that has other threads do what blocks. Helpers of streams know the loop by this protocol only.
package protocol BlockingWorkLoop: AnyObject, Sendable {
    /// Runs `work` on another thread, then `then` on the loop's; `then` alone where no thread takes work. On the loop's thread.
    func runBlocking(_ work: @escaping @Sendable () -> Void, then: @escaping @Sendable () -> Void)
}

extension IOLoop: BlockingWorkLoop {
    package func runBlocking(_ work: @escaping @Sendable () -> Void, then: @escaping @Sendable () -> Void) {
        spawnCallback { [self] in
            try? await runInExecutor { work() }
            then()
        }
    }
}
