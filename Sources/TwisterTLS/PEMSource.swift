import CTwisterOpenSSL
import Glibc
import TwisterIO

/// The source of a certificate or a key in PEM: a file or a text.
public enum PEMSource: Sendable, Equatable, CustomStringConvertible {
    /// A file, which is read again when the certificates are reloaded.
    case file(String)
    /// The PEM text itself.
    case text(String)

    /// The path; a text is not shown, since it may be a private key.
    public var description: String {
        switch self {
        case .file(let path): Self.shown(path)
        case .text: "the PEM text"
        }
    }

    /// The path of the file; nil for a text.
    var path: String? {
        if case .file(let path) = self { return path }
        return nil
    }

    /// The same, independent of changes of the process's working directory.
    var absolute: PEMSource {
        guard case .file(let path) = self else { return self }
        return .file(Self.absolute(path))
    }

    /// The path as messages and logs show it. A text that seems to be a key is not shown.
    static func shown(_ path: String) -> String {
        switch PathMistake(path) {
        case .pem: "PEM text in place of a path"
        case .secret: "the bytes of a key in place of a path"
        case nil: path
        }
    }

    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// - Throws: `SSLError` with the file's name.
    func read() throws(SSLError) -> [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .file(let path): try Self.read(path)
        }
    }

    /// Certificates and keys are smaller by far; a file that is longer is none.
    private static let longest = 16 << 20

    static func read(_ path: String) throws(SSLError) -> [UInt8] {
        do {
            return try readFile(path, upTo: longest)
        } catch {
            throw cannotRead(path, error.errnoCode)
        }
    }
}

extension PEMSource {
    private static func cannotRead(_ path: String, _ code: CInt) -> SSLError {
        let problem =
            switch PathMistake(path) {
            case .pem: "a path was expected, and this is PEM text, which PEMSource.text takes"
            case .secret:
                "a path was expected, and there is no file where this seems to be a key, which is not shown;"
                    + " PEMSource.text takes PEM text"
            case nil: "\(path): \(String(cString: strerror(code)))"
            }
        return SSLError(.configuration, problem)
    }
}

/// Reflection and `dump` do not show a text either.
extension PEMSource: CustomDebugStringConvertible, CustomReflectable {
    public var debugDescription: String { description }
    /// The description alone.
    public var customMirror: Mirror { Mirror(self, children: ["source": description], displayStyle: .enum) }
}

/// Calls `body` with the bytes as OpenSSL reads them; nil where there is no memory.
func withBIO<Result>(over bytes: [UInt8], _ body: (OpaquePointer) -> Result?) -> Result? {
    bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress, let bio = BIO_new_mem_buf(start, CInt(clamping: buffer.count)) else {
            return nil
        }
        defer { BIO_free(bio) }
        return body(bio)
    }
}
