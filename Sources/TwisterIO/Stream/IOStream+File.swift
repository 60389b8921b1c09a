/// Files among the output.
extension IOStream {
    /// Queues a range of a regular file, which goes out by sendfile(2).
    package func enqueue(_ file: OpenFile, _ range: Range<Int>) {
        guard !isClosed, !range.isEmpty else { return }
        let output = madeOutput()
        output.pointee.append(SentFile(file, range, loop), reactor)
        outputChanged(output)
    }

    /// Whether a range of a file can be sent. If not, sending goes on when it can.
    func isReady(_ file: SentFile, _ range: Range<Int>) -> Bool {
        if file.isReady(range, orElse: { [self] in fileIsReady() }) { return true }
        sending = .awaitsFile
        return false
    }

    private func fileIsReady() {
        guard sending == .awaitsFile, !isClosed else { return }
        sending = .nothing
        sendNext()
    }
}
