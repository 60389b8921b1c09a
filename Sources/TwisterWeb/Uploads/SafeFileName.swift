/// The name of a file in a form that can be one component of a path: what stands behind the last slash or backslash, without
/// control and format characters, without dots and white space at both ends, and at most 200 bytes long. The extension is kept
/// when the name is shortened. "file" where nothing is left.
func safeFileName(_ name: String) -> String {
    let component =
        name.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last ?? [][...]
    let visible = component.filter { scalar in
        switch scalar.properties.generalCategory {
        // Format characters can turn the direction of text, so that "exe.txt" is shown for "txt.exe".
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
    let isMargin = { (scalar: Unicode.Scalar) in scalar == "." || scalar.properties.isWhitespace }
    guard let first = visible.firstIndex(where: { !isMargin($0) }),
        let last = visible.lastIndex(where: { !isMargin($0) })
    else { return "file" }
    return shortened(String(String.UnicodeScalarView(visible[first...last])), to: 200)
}

/// The beginning of a name and its extension, if that has 16 bytes at most.
private func shortened(_ name: String, to size: Int) -> String {
    guard name.utf8.count > size else { return name }
    let dot = name.utf8.suffix(17).lastIndex(of: UInt8(ascii: "."))
    let end = dot.map { String(name[$0...]) } ?? ""
    var stem = String.UnicodeScalarView()
    var room = size - end.utf8.count
    for scalar in name.unicodeScalars {
        room -= UTF8.width(scalar)
        if room < 0 { break }
        stem.append(scalar)
    }
    return String(stem) + end
}
