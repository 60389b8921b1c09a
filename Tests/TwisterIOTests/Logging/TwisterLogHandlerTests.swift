import FoundationEssentials
import Glibc
import Logging
import Testing
import TwisterTestSupport

@testable import TwisterIO

@Suite("Twister's log handler", .serialized)
struct TwisterLogHandlerTests {
    /// Logs with `body`; the lines that it leaves.
    private func lines(_ format: LogFormat, hasColor: Bool = false, _ body: (inout Logger) -> Void) throws -> [String] {
        let folder = try TemporaryFolder()
        let writer = try LogWriter(.path("\(folder.path)/log", LogRotation(.never)))
        let output = LogOutputs.Output(writer: writer, format: format, hasColor: hasColor)
        let outputs = LogOutputs([output], level: .info, format: format)
        var logger = Logger(label: "test", factory: { TwisterLogHandler(label: $0, outputs: outputs) })
        body(&logger)
        writer.flush(within: .seconds(20))
        return folder.lines("log")
    }

    @Test("LG-2: a line of text has Tornado's layout, the logger and the metadata")
    func text() throws {
        let lines = try lines(.text) { logger in
            logger[metadataKey: "request_id"] = "a-1"
            logger.warning("disk is full", metadata: ["free": "\(0)"], file: "App/Disk.swift", line: 42)
            logger.debug("below the level")
        }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(
            line.wholeMatch(of: /\[W [0-9]{6} [0-9:]{8} test Disk:42\] disk is full free=0 request_id=a-1/) != nil,
            "\(line)")
    }

    @Test("LG-2: on a terminal the prefix has the colour of the level")
    func color() throws {
        let lines = try lines(.text, hasColor: true) { $0.error("text") }
        #expect(lines[0].hasPrefix("\u{1B}[31m[E ") && lines[0].hasSuffix("]\u{1B}[0m text"), "\(lines)")
    }

    @Test("LG-2: a message cannot forge a line or command a terminal", arguments: LogFormat.allCases)
    func forging(format: LogFormat) throws {
        let lines = try lines(format) {
            $0.info("one\n[E 261126 12:00:00 test] two\r\u{1B}[2J\u{9B}3J", metadata: ["key\n": "a\nb"])
        }
        #expect(lines.count == 1)
        #expect(!lines[0].unicodeScalars.contains { $0.value < 32 || $0.value == 0x9B }, "\(lines)")
        if format == .text {
            #expect(lines[0].hasSuffix(#"one\n[E 261126 12:00:00 test] two\r\x1B[2J\x9B3J key\n=a\nb"#), "\(lines)")
        }
    }

    @Test("N-49: a line of JSON is an object with time, level, logger, message, source and metadata")
    func json() throws {
        struct Line: Decodable {
            let time: String
            let level: String
            let logger: String
            let message: String
            let source: String
            let requestId: String
            let list: [String]
            let map: [String: String]
        }
        let lines = try lines(.json) { logger in
            logger[metadataKey: "request_id"] = "a-1"
            logger.error(
                "say \"ä\" \\ \u{1}", metadata: ["list": ["a", "b"], "map": ["k": "v"], "level": "mine"],
                file: "App/Disk.swift", line: 42)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let line = try decoder.decode(Line.self, from: Data(try #require(lines.first).utf8))
        #expect(line.time.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z/) != nil, "\(line.time)")
        #expect(line.level == "error" && line.logger == "test" && line.source == "App/Disk.swift:42")
        #expect(line.message == "say \"ä\" \\ \u{1}" && line.requestId == "a-1")
        #expect(line.list == ["a", "b"] && line.map == ["k": "v"])
        #expect(lines[0].contains(#""metadata.level":"mine""#))
    }

    @Test("bytes that are not UTF-8 make no broken JSON")
    func brokenText() {
        let bytes: [UInt8] = [0x61, 0xFF, 0xC2, 0x85, 0xE2, 0x82, 0xED, 0xA0, 0x80, 0xC3, 0xA4, 0xF5, 0x80]
        let text = LogLine.with { line in
            bytes.withUnsafeBytes { line.append(json: $0) }
            return String(validating: Array(line.octets), as: UTF8.self)
        }
        #expect(text == #""a\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdä\ufffd\ufffd""#)
    }

    @Test("a value whose text is made by code that logs does not disturb the line")
    func nested() throws {
        struct Value: CustomStringConvertible, Sendable {
            let logger: Logger
            var description: String {
                logger.info("inner")
                return "outer"
            }
        }
        let lines = try lines(.json) { logger in
            let copy = logger
            logger.info("value", metadata: ["value": .stringConvertible(Value(logger: copy))])
        }
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""message":"inner""#) && lines[1].contains(#""value":"outer""#), "\(lines)")
    }

    @Test(
        "LG-1, LG-3: a configuration has the three loggers write to a file; a logger that is handed in takes their place"
    )
    func configuration() throws {
        let folder = try TemporaryFolder()
        var configuration = LogConfiguration()
        configuration.format = .json
        configuration.level = .notice
        configuration.destinations = [.file("\(folder.path)/log", LogRotation(.never))]
        // A process that logs in the usual way is put back into that state.
        let before = LogState.current
        defer { LogState.use(before) }
        try configuration.install()
        Log.access.notice("one")
        Log.application.notice("two")
        Log.general.notice("three")
        Log.general.info("below the level")
        Logger(label: "own", factory: { TwisterLogHandler(label: $0) }).notice("four")
        let isReplaced = try LogConfiguration().installUnlessChosen()
        #expect(!isReplaced)
        Log.flush(within: .seconds(20))
        let loggers = folder.lines("log").compactMap { $0.firstMatch(of: /"logger":"([a-z.]+)"/)?.1 }
        #expect(loggers == ["twister.access", "twister.application", "twister.general", "own"])

        var other = Logger(label: "mine", factory: { _ in SwiftLogNoOpLogHandler() })
        other.logLevel = .critical
        Log.use(other)
        #expect(Log.general.handler is SwiftLogNoOpLogHandler && LogState.accessOutputs == nil)
        #expect(Log.access.label == "twister.access")
    }
}
