import Glibc
import TwisterFuzz

/// The target of this program and the function that checks it, set once before the first input.
nonisolated(unsafe) private var check: (UnsafeRawBufferPointer) throws -> Void = { _ in }

/// Chooses the target by the program's name. The program has one name for each target.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
    let path = arguments.pointee?.pointee.map { String(cString: $0) } ?? ""
    let name = path.split(separator: "/").last ?? ""
    guard let target = FuzzTarget.named(name) else {
        fputs("fuzz: no target '\(name)'; there are: \(FuzzTarget.all.map(\.name).joined(separator: ", "))\n", stderr)
        exit(2)
    }
    do {
        check = try target.makeCheck()
    } catch {
        fputs("fuzz: \(name): \(error)\n", stderr)
        exit(2)
    }
    return 0
}

/// Checks one input; a property that does not hold ends the program, as a crash would.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ octets: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try check(UnsafeRawBufferPointer(start: octets, count: count))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
