import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

private typealias LogTestFailure = TwisterTestSupport.TestFailure

/// A folder that is removed with its files.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/twister-log-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LogTestFailure("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func lines(_ name: String) -> [String] {
        guard let file = fopen("\(path)/\(name)", "r") else { return [] }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 16 << 20)
        let count = fread(&text, 1, text.count, file)
        return String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

extension LogWriter {
    /// A writer as the tests need one.
    convenience init(_ target: LogFile.Target, capacity: Int = 1 << 20) throws {
        try self.init(target, capacity: capacity) { Array("dropped \($0)\n".utf8) }
    }

    func log(_ text: String) { Array((text + "\n").utf8).withUnsafeBytes { append($0) } }
}

/// A pipe whose ends are closed at its end.
private final class LogPipe {
    let reader: CInt
    let writer: CInt
    private var unread: ArraySlice<UInt8> = []

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw LogTestFailure("pipe: errno \(errno)") }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// The next line, without its end.
    func line() throws -> String {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread = unread[(end + 1)...] }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            var wanted = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            guard poll(&wanted, 1, 20_000) > 0 else { throw LogTestFailure("no line") }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(reader, &buffer, buffer.count)
            guard count > 0 else { throw LogTestFailure("the end") }
            unread = unread + buffer[..<count]
        }
    }
}

@Suite("The writer of logs", .serialized)
struct LogWriterTests {
    @Test("N-49: lines come in order and whole, from several threads")
    func threads() throws {
        let folder = try TemporaryFolder()
        let writer = try LogWriter(.path("\(folder.path)/log", LogRotation(.never)), capacity: 8 << 20)
        let running = ConditionLock(4)
        for thread in 0..<4 {
            try NativeThread.start(name: "test") {
                for number in 0..<10_000 { writer.log("\(thread) \(number)") }
                running.withLock { $0 -= 1 }
                running.signal()
            }
        }
        running.wait { $0 == 0 ? () : nil }
        writer.flush(within: .seconds(20))
        let lines = folder.lines("log")
        #expect(lines.count == 40_000 && writer.droppedLines == 0)
        for thread in 0..<4 {
            let own = lines.filter { $0.hasPrefix("\(thread) ") }
            #expect(own == (0..<10_000).map { "\(thread) \($0)" })
        }
    }

    @Test("N-49: a reader that does not read holds nobody up; lines are dropped, counted and reported")
    func fullPipe() throws {
        let pipe = try LogPipe()
        let writer = try LogWriter(.descriptor(pipe.writer), capacity: 64 << 10)
        let start = ContinuousClock.now
        let text = String(repeating: "x", count: 99)
        for _ in 0..<20_000 { writer.log(text) }
        #expect(ContinuousClock.now - start < .seconds(20))
        let dropped = writer.droppedLines
        // The pipe and both halves of the queue are full.
        #expect(dropped > 20_000 - 3000 && dropped < 20_000)
        let flushStart = ContinuousClock.now
        writer.flush(within: .milliseconds(100))
        #expect(ContinuousClock.now - flushStart < .seconds(20))
        // Each report tells of the lines that were dropped since the one before it.
        var written = 0
        var reported = 0
        while written + reported < 20_000 {
            let line = try pipe.line()
            if line == text {
                written += 1
            } else {
                reported += line.split(separator: " ").last.flatMap { Int($0) } ?? 0
            }
        }
        #expect(reported == dropped && written + reported == 20_000)
        writer.log("after")
        #expect(try pipe.line() == "after")
    }

    @Test("N-49: a pipe without readers ends neither the program nor the log; lost lines are counted")
    func brokenPipe() async throws {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let writer = try LogWriter(.descriptor(ends[1]))
        writer.log("one\ntwo")
        try await eventually("both are lost") { writer.droppedLines == 2 }
    }

    @Test("a line that is longer than the queue is dropped, and reported with the next one")
    func longLine() throws {
        let folder = try TemporaryFolder()
        let writer = try LogWriter(.path("\(folder.path)/log", LogRotation(.never)), capacity: 4096)
        writer.log(String(repeating: "x", count: 5000))
        writer.log("short")
        writer.flush(within: .seconds(20))
        #expect(writer.droppedLines == 1 && folder.lines("log") == ["short", "dropped 1"])
    }

    @Test("LG-3: a file that reaches its size is set aside, and so many are kept")
    func sizes() throws {
        let folder = try TemporaryFolder()
        let rotation = LogRotation(.size(1000), backups: 2)
        let writer = try LogWriter(.path("\(folder.path)/log", rotation))
        for number in 0..<400 { writer.log("line \(number + 1000)") }
        writer.flush(within: .seconds(20))
        #expect(folder.names == ["log", "log.1", "log.2"])
        // 100 lines of 10 bytes fit.
        #expect(folder.lines("log") == (300..<400).map { "line \($0 + 1000)" })
        #expect(folder.lines("log.1") == (200..<300).map { "line \($0 + 1000)" })
        #expect(folder.lines("log.2").count == 100)
    }

    @Test("LG-3: of two writers to one file, one sets it aside and the other follows; no line is lost")
    func twoWriters() throws {
        let folder = try TemporaryFolder()
        let rotation = LogRotation(.size(10_000), backups: 99)
        let writers = try (0..<2).map { _ in try LogWriter(.path("\(folder.path)/log", rotation)) }
        for number in 0..<2000 {
            for (index, writer) in writers.enumerated() { writer.log("\(index) \(number + 1000)") }
            if number % 100 == 0 { usleep(2000) }
        }
        for writer in writers { writer.flush(within: .seconds(20)) }
        let lines = folder.names.flatMap { folder.lines($0) }
        #expect(Set(lines).count == 4000 && lines.count == 4000)
    }

    @Test("LG-3: with no old files to keep, a file is never set aside")
    func noBackups() throws {
        let folder = try TemporaryFolder()
        let writer = try LogWriter(.path("\(folder.path)/log", LogRotation(.size(10), backups: 0)))
        for _ in 0..<10 { writer.log("0123456789") }
        writer.flush(within: .seconds(20))
        #expect(folder.names == ["log"] && folder.lines("log").count == 10)
    }

    @Test("LG-3: a file is due at the next midnight, or after an interval")
    func times() {
        setenv("TZ", "UTC0", 1)
        tzset()
        defer {
            unsetenv("TZ")
            tzset()
        }
        let noon = 1_700_000_000 / 86_400 * 86_400 + 43_200
        #expect(LogRotation(.midnight).dueTime(from: noon) == noon + 43_200)
        #expect(LogRotation(.midnight).dueTime(from: noon + 43_200) == noon + 43_200 + 86_400)
        #expect(LogRotation(.every(.seconds(3600))).dueTime(from: noon) == noon + 3600)
        #expect(LogRotation().dueTime(from: noon) == nil)
        #expect(LogRotation(.midnight, backups: 0).dueTime(from: noon) == nil)
    }

    @Test("LG-3: a file of yesterday is set aside at the first line of today")
    func yesterday() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/log"
        let file = try #require(fopen(path, "w"))
        fputs("old\n", file)
        fclose(file)
        var times = [timeval](repeating: timeval(tv_sec: time(nil) - 2 * 86_400, tv_usec: 0), count: 2)
        #expect(utimes(path, &times) == 0)
        let writer = try LogWriter(.path(path, LogRotation(.midnight)))
        writer.log("new")
        writer.log("newer")
        writer.flush(within: .seconds(20))
        #expect(folder.lines("log") == ["new", "newer"] && folder.lines("log.1") == ["old"])
    }

    @Test("N-49: a file that another program has renamed is opened anew")
    func reopening() throws {
        let folder = try TemporaryFolder()
        let writer = try LogWriter(.path("\(folder.path)/log", LogRotation(.never)))
        writer.log("one")
        writer.flush(within: .seconds(20))
        rename("\(folder.path)/log", "\(folder.path)/old")
        writer.log("two")
        writer.flush(within: .seconds(20))
        Log.reopen()
        writer.flush(within: .seconds(20))
        writer.log("three")
        writer.flush(within: .seconds(20))
        #expect(folder.lines("old") == ["one", "two"] && folder.lines("log") == ["three"])
    }

    @Test("a released writer writes what it has, and its thread ends")
    func release() async throws {
        let folder = try TemporaryFolder()
        var writer: LogWriter? = try LogWriter(.path("\(folder.path)/log", LogRotation(.never)))
        writer?.log("last")
        writer = nil
        try await eventually("it is written") { folder.lines("log") == ["last"] }
    }

    @Test("a file that cannot be opened is an error")
    func missing() {
        #expect(throws: IOError.self) { try LogWriter(.path("/nowhere/log", LogRotation())) }
    }
}
