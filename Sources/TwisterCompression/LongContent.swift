/// The sizes by which long content is compressed in several turns of a loop, so that other connections are served meanwhile.
package enum LongContent {
    /// How many bytes are compressed in one turn: of text with few repetitions, that takes a millisecond.
    package static let pieceSize = 16_384
    /// Where many are being compressed, content of at most this size is compressed in one turn, and does not wait for the others.
    package static let shortSize = 65_536
}
