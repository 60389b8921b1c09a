import TwisterCompression
import TwisterIO

/// permessage-deflate on one connection: what was agreed, and the coders as far as they are kept between messages.
final class MessageCompression {
    let options: WebSocketCompression
    private let pool: MessageCoderPool
    private let kept: KeptDeflaters
    /// The window that this side compresses with.
    let ownWindowBits: Int
    /// The window that the peer compresses with, at most.
    private let peerWindowBits: Int
    private let keepsDeflater: Bool
    private let keepsInflater: Bool
    private var deflater: MessageDeflater?
    private var inflater: MessageInflater?

    init(_ parameters: DeflateParameters, _ options: WebSocketCompression, isServer: Bool, _ loop: IOLoop) {
        self.options = options
        pool = loop.local { MessageCoderPool() }
        kept = loop.local { KeptDeflaters() }
        ownWindowBits = isServer ? parameters.serverMaxWindowBits : parameters.clientMaxWindowBits
        peerWindowBits = isServer ? parameters.clientMaxWindowBits : parameters.serverMaxWindowBits
        keepsDeflater = isServer ? !parameters.serverNoContextTakeover : !parameters.clientNoContextTakeover
        keepsInflater = isServer ? !parameters.clientNoContextTakeover : !parameters.serverNoContextTakeover
    }

    // `kept` refers to this object unretained for as long as there is a compressor.
    deinit { if deflater != nil { close() } }

    // MARK: Sending

    /// Compresses a part of a message, or all of it, and adds what it becomes to `output`.
    func compress(
        _ bytes: UnsafeRawBufferPointer, _ end: MessageDeflater.End, into output: inout [UInt8]
    ) throws(EncoderError) {
        let deflater = try takeDeflater()
        try deflater.compress(bytes, end, into: &output)
        guard end == .message else { return }
        if keepsDeflater { kept.append(self) } else { giveBackDeflater() }
    }

    /// Releases the compressor, where the next message must not refer to those before it, or another connection needs the room.
    func giveBackDeflater() {
        if let deflater = deflater.take() { pool.put(deflater) }
    }

    private func takeDeflater() throws(EncoderError) -> MessageDeflater {
        if let deflater {
            // The compressor is not released within a message.
            if keepsDeflater { kept.remove(self) }
            return deflater
        }
        let taken = try pool.deflater(
            windowBits: ownWindowBits, level: options.level, memoryLevel: options.memoryLevel)
        deflater = taken
        return taken
    }

    /// Compresses a whole message that refers to none before it; nil where that fails.
    func compressAlone(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard
            let deflater = try? pool.deflater(
                windowBits: ownWindowBits, level: options.level, memoryLevel: options.memoryLevel)
        else { return nil }
        defer { pool.put(deflater) }
        var output: [UInt8] = []
        do { try deflater.compress(bytes, .message, into: &output) } catch { return nil }
        return output
    }

    /// Resets the compressor, because the peer has got a message that was compressed elsewhere: the next one must not refer to
    /// those before it.
    func forgetSent() { deflater?.reset() }

    // MARK: Receiving

    /// Decompresses a part of a message, or all of it; `body` gets pieces of it and says whether to go on.
    func inflate(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, limit: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        let inflater = try takeInflater()
        try inflater.inflate(bytes, isLast: isLast, limit: limit, body)
        if isLast, !keepsInflater { releaseInflater() }
    }

    private func takeInflater() throws(InflateError) -> MessageInflater {
        if let inflater { return inflater }
        let taken = try pool.inflater(windowBits: peerWindowBits)
        inflater = taken
        return taken
    }

    private func releaseInflater() {
        if let inflater = inflater.take() { pool.put(inflater) }
    }

    /// The connection is closed.
    func close() {
        releaseInflater()
        if keepsDeflater { kept.remove(self) }
        giveBackDeflater()
    }
}

/// The connections of a loop that keep their compressors between messages, because a message may refer to those before it. With
/// the defaults each compressor has 256 KiB. Therefore only the connections that sent something last keep theirs; releasing one
/// breaks nothing, because no agreement obliges a sender to refer to anything (RFC 7692, 7.1.1).
final class KeptDeflaters {
    /// How many connections of a loop keep their compressors.
    static let most = 64

    /// Ordered by the time of the last message sent, the oldest first. Each connection removes itself before it is released.
    private var connections: [Unmanaged<MessageCompression>] = []

    func append(_ compression: MessageCompression) {
        remove(compression)
        if connections.count >= Self.most {
            connections.removeFirst()._withUnsafeGuaranteedRef { $0.giveBackDeflater() }
        }
        connections.append(.passUnretained(compression))
    }

    func remove(_ compression: MessageCompression) {
        // Searched from the end, because the connection that has sent last sends again most often.
        let place = connections.lastIndex { $0._withUnsafeGuaranteedRef { $0 === compression } }
        if let place { connections.remove(at: place) }
    }
}
