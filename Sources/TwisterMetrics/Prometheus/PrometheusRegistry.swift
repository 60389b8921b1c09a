/// The families of metrics, and the series of each.
struct PrometheusRegistry {
    enum Lookup {
        case found(any PrometheusSeries)
        /// The series is not kept, for that reason.
        case refused(String)
    }

    private struct Family {
        let kind: PrometheusKind
        let help: String
        /// By their labels, as they are written.
        var series: [String: any PrometheusSeries] = [:]
    }

    private static let droppedName = "twister_metrics_dropped_series"

    private let labels: [(name: String, value: String)]
    private let maxSeries: Int
    private var families: [String: Family] = [:]
    private var count = 0
    private var dropped = 0

    init(labels: [(name: String, value: String)], maxSeries: Int) {
        self.labels = labels
        self.maxSeries = maxSeries
    }

    mutating func series(
        _ name: String, _ kind: PrometheusKind, help: String, _ dimensions: [(String, String)],
        _ make: () -> some PrometheusSeries
    ) -> Lookup {
        let text = PrometheusSyntax.labels(dimensions + labels.map { ($0.name, $0.value) })
        if let family = families[name], family.kind == kind, let found = family.series[text] { return .found(found) }
        guard families[name]?.kind ?? kind == kind, !isTaken(name, kind) else {
            dropped += 1
            return .refused("a metric of another type has the name \(name)")
        }
        guard count < maxSeries else {
            dropped += 1
            return .refused("there are \(maxSeries) series already")
        }
        count += 1
        let made = make()
        families[name, default: Family(kind: kind, help: help)].series[text] = made
        return .found(made)
    }

    /// Whether the samples of a new family would have the names of another family's samples.
    private func isTaken(_ name: String, _ kind: PrometheusKind) -> Bool {
        if name == Self.droppedName { return true }
        guard families[name] == nil else { return false }
        let suffixes = ["_bucket", "_sum", "_count"]
        if kind == .histogram { return suffixes.contains { families[name + $0] != nil } }
        return suffixes.contains {
            name.hasSuffix($0) && families[String(name.dropLast($0.count))]?.kind == .histogram
        }
    }

    mutating func remove(_ series: any PrometheusSeries) {
        for name in families.keys {
            guard let text = families[name]?.series.first(where: { $0.value === series })?.key else { continue }
            families[name]?.series[text] = nil
            count -= 1
            if families[name]?.series.isEmpty == true { families[name] = nil }
            return
        }
    }

    /// Families and series are sorted, so that two pages can be compared.
    func text() -> String {
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(PrometheusSyntax.help(family.help))\n# TYPE \(name) \(family.kind)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(to: &text, name, labels)
            }
        }
        let name = Self.droppedName
        let labels = PrometheusSyntax.labels(labels.map { ($0.name, $0.value) })
        text += "# HELP \(name) Series that were not kept: there are too many, or the name has another type.\n"
        text += "# TYPE \(name) gauge\n"
        PrometheusSyntax.write(Double(dropped), to: &text, name, labels)
        return text
    }
}
