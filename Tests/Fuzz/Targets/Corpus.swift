import Glibc

/// The seeds of a target: the files of its folder in Tests/Fuzz/Seeds.
package enum Corpus {
    /// The seeds, in the order of their names, so that a run with a fixed seed is the same each time.
    package static func seeds(of target: FuzzTarget, folder: String = folder) throws -> [[UInt8]] {
        let path = "\(folder)/\(target.name)"
        guard let directory = opendir(path) else { throw FuzzFinding("no seeds in \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return try names.sorted().map { try contents("\(path)/\($0)") }
    }

    package static var folder: String {
        let file = "\(#filePath)"
        return file.split(separator: "/").dropLast(2).reduce(into: "") { $0 += "/\($1)" } + "/Seeds"
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw FuzzFinding("\(path) cannot be read") }
        defer { fclose(file) }
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&octets, 1, octets.count, file)
        return Array(octets[..<count])
    }
}
