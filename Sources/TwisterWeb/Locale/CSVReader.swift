/// Reads CSV text as spreadsheets write it (RFC 4180): fields in quotes may have commas, line ends and doubled quotes.
struct CSVReader: IteratorProtocol {
    struct Row: Equatable {
        /// The line on which the row begins, from 1.
        var line: Int
        var fields: [String]
    }

    private let text: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    /// Whether the text ended within quotes: the last row may have swallowed others.
    private(set) var isUnterminated = false

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    /// The next row; an empty line is a row without fields.
    mutating func next() -> Row? {
        guard position < text.count else { return nil }
        var row = Row(line: line, fields: [])
        var isFirst = true
        while true {
            if isFirst, atLineEnd { break }
            isFirst = false
            row.fields.append(field())
            guard position < text.count, text[position] == "," else { break }
            position += 1
        }
        skipLineEnd()
        return row
    }

    private var atLineEnd: Bool { position == text.count || text[position] == "\n" || text[position] == "\r" }

    private mutating func skipLineEnd() {
        guard position < text.count else { return }
        if text[position] == "\r", position + 1 < text.count, text[position + 1] == "\n" { position += 1 }
        position += 1
        line += 1
    }

    private mutating func field() -> String {
        var value = String.UnicodeScalarView()
        if position < text.count, text[position] == "\"" {
            position += 1
            quoted(into: &value)
        }
        // Text after the closing quote belongs to the field, too.
        while !atLineEnd, text[position] != "," {
            value.append(text[position])
            position += 1
        }
        return String(value)
    }

    private mutating func quoted(into value: inout String.UnicodeScalarView) {
        while position < text.count {
            let scalar = text[position]
            position += 1
            if scalar == "\"" {
                guard position < text.count, text[position] == "\"" else { return }
                position += 1
            } else if scalar == "\n" {
                line += 1
            }
            value.append(scalar)
        }
        isUnterminated = true
    }
}
