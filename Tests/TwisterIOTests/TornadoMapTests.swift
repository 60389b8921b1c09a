import Glibc
import Testing

/// `docs/tornado-map.md` promises names: each one that it gives on the right is declared under `Sources/`, a member in
/// its own type; and each public name of Tornado's modules stands on the left.
struct TornadoMapTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 })

    /// Parts of the language and its library, and words of sentences, which are not ours to declare.
    private static let foreign: Set<String> = [
        "TaskExecutor", "AsyncSequence", "Result", "ValueError", "all_fds", "multi", "instance=False",
        "withThrowingTaskGroup", "await", "async",
    ]

    @Test("The map's names exist, members in their own types")
    func names() throws {
        let sources = Self.swiftFiles(under: Self.root + "/Sources").map { Source(Self.contents(of: $0)) }
        let declared = sources.reduce(into: Set<String>()) { $0.formUnion($1.names) }
        #expect(declared.count > 300, "the sources were found")
        #expect(Self.rows.count > 90)
        var missing: [String] = []
        for row in Self.rows {
            #expect(row.cells.count == 2, "\(row.text)")
            for name in Self.names(in: row.right) where !Self.foreign.contains(name) {
                let parts = name.split(separator: ".").map(String.init)
                let isThere = zip(parts, parts.dropFirst()).allSatisfy { type, member in
                    sources.contains { $0.types.contains(type) && $0.names.contains(member) }
                }
                if !isThere || !parts.allSatisfy(declared.contains) { missing.append(name) }
            }
        }
        #expect(missing == [])
    }

    /// The public names of Tornado 6.5's modules, without those for implementers (`initialize`, `configurable_base`).
    private static let tornado: [(module: String, names: String)] = [
        (
            "ioloop",
            """
            IOLoop configure instance install clear_instance current make_current clear_current close add_handler \
            update_handler remove_handler start stop run_sync time add_timeout call_later call_at remove_timeout \
            add_callback add_callback_from_signal spawn_callback add_future run_in_executor set_default_executor \
            split_fd close_fd READ WRITE ERROR NONE PeriodicCallback is_running
            """
        ),
        (
            "gen",
            """
            KeyReuseError UnknownKeyError LeakedCallbackError BadYieldError ReturnValueIgnoredError TimeoutError \
            coroutine is_coroutine_function Return WaitIterator done next multi multi_future Multi maybe_future \
            with_timeout sleep moment Runner convert_yielded
            """
        ),
        (
            "concurrent",
            """
            Future ReturnValueIgnoredError is_future FUTURES DummyExecutor submit dummy_executor run_on_executor \
            chain_future future_set_result_unless_cancelled future_set_exception_unless_cancelled \
            future_set_exc_info future_add_done_callback
            """
        ),
        (
            "iostream",
            """
            StreamClosedError UnsatisfiableReadError StreamBufferFullError BaseIOStream fileno close_fd write_to_fd \
            read_from_fd get_fd_error read_until_regex read_until read_bytes read_into read_until_close write \
            set_close_callback close reading writing closed set_nodelay IOStream connect start_tls SSLIOStream \
            wait_for_handshake PipeIOStream max_buffer_size read_chunk_size max_write_buffer_size error
            """
        ),
        ("tcpserver", "TCPServer listen add_sockets add_socket bind start stop handle_stream"),
        ("tcpclient", "TCPClient connect close"),
        (
            "netutil",
            """
            bind_sockets bind_unix_socket add_accept_handler is_valid_ip Resolver resolve close \
            DefaultExecutorResolver DefaultLoopResolver ExecutorResolver BlockingResolver ThreadedResolver \
            OverrideResolver ssl_options_to_context ssl_wrap_socket
            """
        ),
        (
            "process",
            "cpu_count fork_processes task_id Subprocess set_exit_callback wait_for_exit CalledProcessError"
        ),
        (
            "locks",
            "Condition wait notify notify_all Event is_set set clear Semaphore acquire release BoundedSemaphore Lock"
        ),
        (
            "queues",
            """
            QueueEmpty QueueFull Queue maxsize qsize empty full put put_nowait get get_nowait task_done join \
            PriorityQueue LifoQueue
            """
        ),
    ]

    @Test("Each public name of Tornado's modules is in the map", arguments: tornado.map(\.module))
    func coverage(module: String) throws {
        let names = try #require(Self.tornado.first { $0.module == module }).names.split(separator: " ")
        let there = Self.rows.filter { $0.module == module }.map(\.left).joined(separator: " ")
        let words = Set(there.split { !($0.isLetter || $0.isNumber || $0 == "_") })
        #expect(names.filter { !words.contains($0) } == [])
    }

    /// Rows of the inventory that have no form here: what the map has to say of them.
    private static let absent: [(ids: String, module: String, names: [String])] = [
        ("IOL-4", "ioloop", ["instance", "install", "clear_instance"]),
        ("IOL-27", "ioloop", ["split_fd", "close_fd"]),
        ("IOL-31", "ioloop", ["handle_callback_exception", "set_blocking_log_threshold"]),
        ("GEN-1 to GEN-3, GEN-12", "gen", ["coroutine", "Return", "is_coroutine_function", "Runner"]),
        ("GEN-4 to GEN-6", "gen", ["multi", "multi_future", "WaitIterator"]),
        ("GEN-9 to GEN-11", "gen", ["moment", "maybe_future", "convert_yielded"]),
        ("GEN-13", "gen", ["KeyReuseError", "BadYieldError", "ReturnValueIgnoredError"]),
        ("CON-2, CON-4", "concurrent", ["is_future", "dummy_executor"]),
        ("IOS-22", "iostream", ["write_to_fd", "read_from_fd", "get_fd_error"]),
        ("RH-25, RH-47", "web", ["set_secure_cookie", "get_secure_cookie_key_version"]),
        ("SET-1, SET-14", "web", ["autoreload", "google_oauth"]),
        ("RT-4", "web", ["add_rules", "get_target_delegate"]),
    ]

    @Test(
        """
        IOL-4, IOL-27, IOL-31, GEN-2, GEN-3, GEN-12, GEN-13, CON-2, CON-4, IOS-22, RH-25, RH-47, RT-4, SET-1, \
        SET-14: what is not here is in the map, with the reason
        """,
        arguments: absent.map(\.ids))
    func reasons(ids: String) throws {
        let (_, module, names) = try #require(Self.absent.first { $0.ids == ids })
        for name in names {
            let row = try #require(
                Self.rows.first { row in
                    row.module == module && row.left.split { !($0.isLetter || $0 == "_") }.contains { $0 == name }
                }, "\(name)")
            let text = row.right.drop { $0 == " " }
            #expect(text.hasPrefix("nothing: ") || text.hasPrefix("nothing yet: "), "\(row.text)")
        }
    }

    // MARK: The map

    private struct Row {
        let module: Substring
        let text: Substring
        var cells: [Substring] { text.split(separator: "|") }
        var left: Substring { cells.first ?? "" }
        var right: Substring { cells.last ?? "" }
    }

    private static let rows: [Row] = {
        var module: Substring = ""
        var rows: [Row] = []
        for line in contents(of: root + "/docs/tornado-map.md").split(separator: "\n") {
            if line.hasPrefix("## ") { module = line.dropFirst(3) }
            if line.hasPrefix("| `") { rows.append(Row(module: module, text: line)) }
        }
        return rows
    }()

    /// What stands in backticks and is one name, dotted or not.
    private static func names(in cell: Substring) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            .filter { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "=" } }
    }

    // MARK: The sources

    /// What one file declares.
    private struct Source {
        /// Types that it declares or extends.
        var types: Set<String> = []
        /// Names after `func`, `var`, `class` and so on, and the labels of parameters.
        var names: Set<String> = []

        private static let typeKeywords: Set<Substring> = ["class", "struct", "enum", "protocol", "actor", "extension"]
        private static let keywords: Set<Substring> = [
            "func", "var", "let", "class", "struct", "enum", "protocol", "case", "typealias", "actor",
        ]

        init(_ text: String) {
            for line in text.split(separator: "\n") where !line.contains("///") {
                let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
                for (keyword, name) in zip(words, words.dropFirst()) {
                    if Self.keywords.contains(keyword) { names.insert(String(name)) }
                    if Self.typeKeywords.contains(keyword) { types.insert(String(name)) }
                }
                if line.contains("func ") || line.contains("init(") {
                    let labels = line.split { "( ,".contains($0) }.filter { $0.hasSuffix(":") }
                    names.formUnion(labels.map { String($0.dropLast()) })
                }
            }
        }
    }

    private static func swiftFiles(under folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var files: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let path = folder + "/" + name
            if name.hasSuffix(".swift") { files.append(path) } else { files += swiftFiles(under: path) }
        }
        return files
    }

    private static func contents(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
