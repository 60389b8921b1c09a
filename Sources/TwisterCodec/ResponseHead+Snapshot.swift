extension ResponseHead {
    /// Status, reason and fields as they were at one time.
    package struct Snapshot {
        fileprivate let state: State
        fileprivate let reason: String?
        fileprivate let fields: [FieldLines.Field]
    }

    package var snapshot: Snapshot { Snapshot(state: state, reason: reason, fields: fields) }

    /// Becomes as it was, whatever was changed since.
    package func restore(_ snapshot: Snapshot) {
        reuse()
        for field in snapshot.fields { try? add(field.name, field.value) }
        replace(snapshot.state, snapshot.reason)
    }
}
