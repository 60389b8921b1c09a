import TwisterCodec
import TwisterIO

/// The part of a response's body that waits for room: in the connection's output, or in the windows that the client opens.
struct PendingOutput: ~Copyable {
    private enum Storage {
        case bytes([UInt8])
        /// A range of a file, which is read when it is sent.
        case file(SentFile)
    }

    private struct Piece {
        var storage: Storage
        /// The next byte to send: an index of the array, or an offset in the file.
        var position: Int
        var end: Int
    }

    /// How the body ends.
    enum Ending {
        /// More may be written.
        case open
        /// Nothing follows.
        case complete
        /// These fields follow.
        case trailers(ResponseTrailers)
    }

    /// Small pieces are gathered up to this size.
    private static var gatheredSize: Int { 16_384 }

    /// Bytes of somebody else's memory that come before the pieces; they are valid during one call of the exchange.
    private var borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
    private var first: Piece?
    private var rest = FIFO<Piece>()
    /// The last bytes, to which small ones are added.
    private var last: [UInt8] = []
    /// Bytes that wait.
    private(set) var count = 0
    /// Those of them that are held in memory.
    private(set) var memory = 0
    var ending = Ending.open

    var isEmpty: Bool { count == 0 }
    var isEnded: Bool {
        if case .open = ending { return false }
        return true
    }

    // MARK: Adding

    /// Adds bytes that stay where they are until `keepBorrowed`. Only while empty.
    mutating func borrow(_ bytes: UnsafeRawBufferPointer) {
        borrowed = bytes
        count = bytes.count
        memory = bytes.count
    }

    /// Copies what is left of the borrowed bytes.
    mutating func keepBorrowed() {
        guard !borrowed.isEmpty else { return }
        first = Piece(storage: .bytes([UInt8](borrowed)), position: 0, end: borrowed.count)
        borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        if last.count + bytes.count > Self.gatheredSize { closeLast() }
        last.append(contentsOf: bytes)
        count += bytes.count
        memory += bytes.count
    }

    /// Adds a large array, which is kept as it is.
    mutating func append(keeping bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        closeLast()
        push(Piece(storage: .bytes(bytes), position: 0, end: bytes.count))
        count += bytes.count
        memory += bytes.count
    }

    mutating func append(_ file: SentFile) {
        guard !file.range.isEmpty else { return }
        closeLast()
        push(Piece(storage: .file(file), position: file.range.lowerBound, end: file.range.upperBound))
        count += file.range.count
    }

    private mutating func closeLast() {
        guard !last.isEmpty else { return }
        let bytes = last
        last = []
        push(Piece(storage: .bytes(bytes), position: 0, end: bytes.count))
    }

    private mutating func push(_ piece: Piece) {
        if first == nil, rest.isEmpty { first = piece } else { rest.append(piece) }
    }

    mutating func removeAll() {
        borrowed = UnsafeRawBufferPointer(start: nil, count: 0)
        first = nil
        while rest.popFirst() != nil {}
        last = []
        count = 0
        memory = 0
    }

    // MARK: Taking

    /// How many bytes can be taken without waiting for a disk, at most `most`, and in one piece where there are files. If that is
    /// 0, a file is being read, and `resume` is called in a later turn.
    mutating func readyCount(_ most: Int, orElse resume: @escaping () -> Void) -> Int {
        guard count > memory else { return most }
        guard borrowed.isEmpty else { return min(most, borrowed.count) }
        if first == nil { first = rest.popFirst() }
        guard let piece = first else { return most }
        let size = min(most, piece.end - piece.position)
        if case .file(let file) = piece.storage,
            !file.isReady(piece.position..<piece.position + size, orElse: resume)
        {
            return 0
        }
        return size
    }

    /// Moves the next `size` bytes to `destination`; there are so many. Returns false where a file has become shorter.
    mutating func take(_ size: Int, to destination: UnsafeMutableRawPointer) -> Bool {
        var done = 0
        while done < size {
            let wanted = size - done
            let taken =
                borrowed.isEmpty
                ? takeFromPieces(wanted, destination + done) : takeBorrowed(wanted, destination + done)
            guard taken > 0 else { return false }
            done += taken
        }
        count -= size
        return true
    }

    private mutating func takeBorrowed(_ wanted: Int, _ destination: UnsafeMutableRawPointer) -> Int {
        let size = min(wanted, borrowed.count)
        if let base = borrowed.baseAddress { destination.copyMemory(from: base, byteCount: size) }
        borrowed = UnsafeRawBufferPointer(rebasing: borrowed[size...])
        memory -= size
        return size
    }

    private mutating func takeFromPieces(_ wanted: Int, _ destination: UnsafeMutableRawPointer) -> Int {
        if first == nil {
            if rest.isEmpty { closeLast() } else { first = rest.popFirst() }
        }
        guard let piece = first else { return 0 }
        let size = min(wanted, piece.end - piece.position)
        switch piece.storage {
        case .bytes(let bytes):
            bytes.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress {
                    destination.copyMemory(from: base + piece.position, byteCount: size)
                }
            }
            memory -= size
        case .file(let file):
            guard file.file.read(into: destination, size, at: piece.position) == size else { return 0 }
        }
        if piece.position + size == piece.end { first = nil } else { first?.position += size }
        return size
    }
}
