// What `ContentEncoder` costs beside zlib itself, for one page of 10 KiB at level 6. The budget: 1.10 times as much.
//
//     swift run -c release TwisterCompressionBench
//     valgrind --tool=callgrind .build/release/TwisterCompressionBench raw 1000    (or: encoder, brotli, zstandard)
//
// Without arguments it prints the time of each for one page, and the size that it makes of the page. With a name and a number
// it encodes that many pages, to be counted by callgrind: the difference of two numbers is free of what the start costs.
import CTwisterZlib
import TwisterCompression

/// A page like those of templates: markup that repeats, text that does not.
func makePage(_ size: Int) -> [UInt8] {
    let words = [
        "river", "stone", "market", "signal", "winter", "paper", "garden", "window", "letter", "bridge", "copper",
    ]
    var state: UInt32 = 1
    var text = "<!DOCTYPE html>\n<html><head><title>List</title></head>\n<body><table class=\"list\">\n"
    while text.utf8.count < size {
        text += "<tr class=\"row\">"
        for _ in 0..<4 {
            state = state &* 1_664_525 &+ 1_013_904_223
            text += "<td class=\"cell\">\(words[Int(state >> 16) % words.count]) \(state >> 12)</td>"
        }
        text += "</tr>\n"
    }
    return Array(text.utf8.prefix(size))
}

/// zlib as a program uses it that has nothing else to do: one stream that is reset, and room for the whole output.
struct RawDeflate {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)

    init() {
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK)
    }

    func encode(_ page: UnsafeRawBufferPointer) -> Int {
        deflateReset(stream)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: page.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(page.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        precondition(deflate(stream, Z_FINISH) == Z_STREAM_END)
        return output.count - Int(stream.pointee.avail_out)
    }
}

func encode(_ page: UnsafeRawBufferPointer, _ coding: ResponseCoding, _ pool: EncoderPool) throws -> Int {
    var count = 0
    let encoder = try ContentEncoder(coding, level: CompressionSettings().level(of: coding), pool: pool)
    try encoder.encode(page, .finish) { count += $0.count }
    return count
}

/// Prints the best of some runs, which other programs disturbed least, in microseconds a page.
func measure(_ name: String, _ body: () throws -> Int) rethrows {
    let (rounds, clock) = (500, ContinuousClock())
    var (best, size) = (Duration.seconds(60), 0)
    for _ in 0..<9 {
        let start = clock.now
        for _ in 0..<rounds { size = try body() }
        best = min(best, clock.now - start)
    }
    print("\(name): \((best / rounds / .microseconds(1) * 10).rounded() / 10) us a page, \(size) bytes")
}

let page = makePage(10_240)
let raw = RawDeflate()
let pool = EncoderPool()
let bodies: [(name: String, run: (UnsafeRawBufferPointer) throws -> Int)] = [
    ("raw", { raw.encode($0) }),
    ("encoder", { try encode($0, .gzip, pool) }),
    ("brotli", { try encode($0, .brotli, pool) }),
    ("zstandard", { try encode($0, .zstandard, pool) }),
]
try page.withUnsafeBytes { page in
    if CommandLine.arguments.count > 2, let rounds = Int(CommandLine.arguments[2]) {
        for body in bodies where body.name == CommandLine.arguments[1] {
            for _ in 0..<rounds { _ = try body.run(page) }
        }
    } else {
        for body in bodies { try measure(body.name) { try body.run(page) } }
    }
}
