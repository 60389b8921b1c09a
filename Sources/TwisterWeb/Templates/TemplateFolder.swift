import FoundationEssentials
import TwisterIO

/// The template files of a folder and the folders in it.
struct TemplateFolder: Sendable {
    let path: String

    /// The properties of a file by which a change of it is noticed.
    struct Stamp: Equatable {
        var modified: Date?
        var size: Int?
    }

    /// The files by their path in the folder. Hidden ones, such as those of editors, are left out.
    private func files() throws(TemplateError) -> [String] {
        do {
            return try FileManager.default.subpathsOfDirectory(atPath: path).sorted().filter { file in
                let name = file.split(separator: "/").last ?? ""
                return !name.hasPrefix(".") && [".html", ".mustache", ".txt"].contains { name.hasSuffix($0) }
            }
        } catch {
            throw TemplateError(file: path, reason: "the folder of templates cannot be read")
        }
    }

    func stamps() throws(TemplateError) -> [String: Stamp] {
        var stamps: [String: Stamp] = [:]
        for file in try files() {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(file)")
            stamps[file] = Stamp(
                modified: attributes?[.modificationDate] as? Date,
                size: fileSize("\(path)/\(file)"))
        }
        return stamps
    }

    func texts() throws(TemplateError) -> [TemplateText] {
        var texts: [TemplateText] = []
        for file in try files() {
            guard let data = FileManager.default.contents(atPath: "\(path)/\(file)"),
                let text = String(validating: data, as: UTF8.self)
            else { throw TemplateError(file: file, reason: "the file cannot be read, or is not UTF-8") }
            texts.append(TemplateText(file: file, text: text))
        }
        return texts
    }
}
