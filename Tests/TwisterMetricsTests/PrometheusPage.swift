import TwisterTestSupport

/// A page in Prometheus' text format, read strictly: what a scraper would refuse or misread is an error here.
struct PrometheusPage {
    struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    private(set) var samples: [Sample] = []
    /// The types by the families' names.
    private(set) var types: [String: String] = [:]
    private(set) var help: [String: String] = [:]

    init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else { throw TestFailure("the last line has no end") }
        var family = ""
        var seen: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix("# HELP ") {
                let words = line.dropFirst(7).split(separator: " ", maxSplits: 1)
                family = String(words[0])
                guard help.updateValue(words.count > 1 ? String(words[1]) : "", forKey: family) == nil else {
                    throw TestFailure("two families \(family)")
                }
            } else if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                guard words.count == 4, words[2] == family, types[family] == nil else {
                    throw TestFailure("a TYPE line that does not follow its HELP line: \(line)")
                }
                guard ["counter", "gauge", "histogram"].contains(words[3]) else { throw TestFailure("type: \(line)") }
                types[family] = String(words[3])
            } else {
                let sample = try Self.sample(line)
                try check(sample, of: family, line)
                let key = "\(sample.name)\(sample.labels.sorted { $0.key < $1.key })"
                guard seen.insert(key).inserted else { throw TestFailure("twice: \(line)") }
                samples.append(sample)
            }
        }
        try checkHistograms()
    }

    private func check(_ sample: Sample, of family: String, _ line: Substring) throws {
        guard let type = types[family] else { throw TestFailure("no TYPE before \(line)") }
        let allowed = type == "histogram" ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
        guard allowed.contains(sample.name) else { throw TestFailure("not of the family \(family): \(line)") }
        if type == "counter", !sample.name.hasSuffix("_total") { throw TestFailure("counter without _total: \(line)") }
        if (sample.name.hasSuffix("_bucket") && type == "histogram") != (sample.labels["le"] != nil) {
            throw TestFailure("le: \(line)")
        }
    }

    /// Buckets grow with their bounds, and the last one has the count of all.
    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            var groups: [[String: String]: [(Double, Double)]] = [:]
            for sample in samples where sample.name == "\(family)_bucket" {
                var labels = sample.labels
                guard let bound = labels.removeValue(forKey: "le").flatMap({ Double($0) }) else {
                    throw TestFailure("\(family): a bound that is no number")
                }
                groups[labels, default: []].append((bound, sample.value))
            }
            for (labels, buckets) in groups {
                let bounds = buckets.map(\.0)
                let counts = buckets.map(\.1)
                guard bounds == bounds.sorted(), bounds.last == .infinity, counts == counts.sorted() else {
                    throw TestFailure("\(family) \(labels): \(buckets)")
                }
                guard value("\(family)_count", labels) == counts.last, value("\(family)_sum", labels) != nil else {
                    throw TestFailure("\(family) \(labels): count and sum")
                }
            }
        }
    }

    /// The sample with exactly these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    /// The samples that have at least these labels.
    func all(_ name: String, _ labels: [String: String] = [:]) -> [Sample] {
        samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
    }

    // MARK: Lines

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        let name = try identifier(&rest, line, allowing: ":")
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" {
                let label = try identifier(&rest, line)
                guard rest.hasPrefix("=\"") else { throw TestFailure("label: \(line)") }
                rest.removeFirst(2)
                guard labels.updateValue(try quoted(&rest, line), forKey: label) == nil else {
                    throw TestFailure("two labels \(label): \(line)")
                }
                if rest.first == "," { rest.removeFirst() } else { break }
            }
            guard rest.popFirst() == "}" else { throw TestFailure("labels: \(line)") }
        }
        guard rest.popFirst() == " " else { throw TestFailure("no value: \(line)") }
        let value = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan][rest] ?? Double(rest)
        guard let value else { throw TestFailure("value: \(line)") }
        return Sample(name: name, labels: labels, value: value)
    }

    private static func identifier(
        _ rest: inout Substring, _ line: Substring, allowing extra: Character = "_"
    ) throws -> String {
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == extra) }
        guard let first = name.first, !first.isNumber else { throw TestFailure("name: \(line)") }
        rest.removeFirst(name.count)
        return String(name)
    }

    /// The text up to the closing quote, which is removed, too.
    private static func quoted(_ rest: inout Substring, _ line: Substring) throws -> String {
        var text = ""
        while let next = rest.popFirst() {
            switch next {
            case "\"": return text
            case "\\":
                switch rest.popFirst() {
                case "n": text += "\n"
                case "\\": text += "\\"
                case "\"": text += "\""
                default: throw TestFailure("escape: \(line)")
                }
            default: text.append(next)
            }
        }
        throw TestFailure("quote: \(line)")
    }
}
