/// Reads an event stream as a browser does (WHATWG HTML, 9.2.6), line by line.
struct EventParser {
    struct Event: Equatable {
        var name = "message"
        var data: String
        var id: String?
    }

    private(set) var events: [Event] = []
    private(set) var comments: [String] = []
    private(set) var retry: Int?
    private var data: [String] = []
    private var name = ""
    private var lastID: String?

    init() {}

    init(_ bytes: [UInt8]) {
        var line: [UInt8] = []
        var previous: UInt8 = 0
        for byte in bytes {
            defer { previous = byte }
            switch byte {
            case 0x0A where previous == 0x0D: continue
            case 0x0A, 0x0D:
                take(String(decoding: line, as: UTF8.self))
                line = []
            default: line.append(byte)
            }
        }
    }

    mutating func take(_ line: String) {
        if line.isEmpty { return dispatch() }
        let colon = line.utf8.firstIndex(of: UInt8(ascii: ":"))
        let field = String(line[..<(colon ?? line.endIndex)])
        var value = colon.map { String(decoding: line.utf8[$0...].dropFirst(), as: UTF8.self) } ?? ""
        if value.utf8.first == UInt8(ascii: " ") { value = String(decoding: value.utf8.dropFirst(), as: UTF8.self) }
        switch field {
        case "": comments.append(value)
        case "data": data.append(value)
        case "event": name = value
        case "id": if !value.utf8.contains(0) { lastID = value }
        case "retry": retry = Int(value)
        default: break
        }
    }

    private mutating func dispatch() {
        if !data.isEmpty {
            events.append(Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"), id: lastID))
        }
        data = []
        name = ""
    }
}
