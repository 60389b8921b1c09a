import ArgumentParser
import FoundationEssentials
import Glibc

/// How the program is built, and where it lies then.
struct BuildRecipe {
    let command: [String]
    let program: String

    /// The command as the developer would write it.
    var text: String { command.first == "/bin/sh" ? command.last ?? "" : command.joined(separator: " ") }

    /// The recipe for a product of the package in the current folder.
    ///
    /// - Parameter product: nil: the only executable product that there is.
    /// - Throws: `ValidationError` where there is no package, or the product is not to be told.
    static func swiftPackage(product: String?) throws -> BuildRecipe {
        let product = try product ?? soleProduct()
        let folder = try output(of: ["swift", "build", "--show-bin-path"])
            .split(separator: "\n").last.map(String.init)
        guard let folder else { throw ValidationError("'swift build --show-bin-path' names no folder") }
        return BuildRecipe(command: ["swift", "build", "--product", product], program: "\(folder)/\(product)")
    }

    private struct Description: Decodable {
        struct Product: Decodable {
            let name: String
            /// The kind of product is the name of a member: `{"executable": null}`.
            let type: [String: [String]?]
        }
        let products: [Product]
    }

    private static func soleProduct() throws -> String {
        let text = try output(of: ["swift", "package", "describe", "--type", "json"])
        let description = try JSONDecoder().decode(Description.self, from: Data(text.utf8))
        let names = description.products.filter { $0.type.keys.contains("executable") }.map(\.name)
        guard names.count == 1, let name = names.first else {
            let list = names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
            throw ValidationError("say which executable product to serve with --product; the package has: \(list)")
        }
        return name
    }

    /// The output of a command.
    ///
    /// - Throws: `ValidationError` where it fails; it has said why.
    private static func output(of command: [String]) throws -> String {
        let ends = try Child.pipe()
        defer { close(ends.read) }
        let process: pid_t
        do {
            defer { close(ends.write) }
            process = try Child.spawn(command, output: ends.write)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(ends.read, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw ValidationError("'\(command.joined(separator: " "))' failed") }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A program that was built. A hard link keeps it, whatever the next build does with the file; it is removed with the last
/// reference.
final class BuiltProgram {
    /// The time of day at which it was built.
    let time: String
    /// The file to execute, in the folder of the program, where it finds its resources.
    let path: String
    private let link: String?

    init(_ program: String, number: Int) {
        time = Status.timeOfDay()
        let slash = program.lastIndex(of: "/")
        let folder = slash.map { program[...$0] } ?? ""
        let name = slash.map { program[program.index(after: $0)...] } ?? program[...]
        let link = "\(folder).\(name).dev-\(getpid())-\(number)"
        // Where the file system has no links, the program itself has to do.
        let isLinked = Glibc.link(program, link) == 0
        self.link = isLinked ? link : nil
        path = isLinked ? link : program
    }

    deinit {
        if let link { unlink(link) }
    }
}
