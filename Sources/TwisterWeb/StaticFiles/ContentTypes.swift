/// The media types of files, by the extensions of their names. Tornado: the module `mimetypes`.
enum ContentTypes {
    /// The type of files whose extension is not in the table.
    static var unknown: String { "application/octet-stream" }

    /// The type of a file by its extension, the part of its name behind the last period, in upper or lower case. A period at
    /// the start of the name begins no extension.
    static func type(of path: String) -> String {
        let octets = path.utf8
        let name = octets.lastIndex(of: UInt8(ascii: "/")).map { octets[octets.index(after: $0)...] } ?? octets[...]
        guard let period = name.lastIndex(of: UInt8(ascii: ".")), period > name.startIndex else { return unknown }
        return table[path[octets.index(after: period)...].lowercased()] ?? unknown
    }

    /// Text is assumed to be UTF-8. JSON always is (RFC 8259), and XML declares its own encoding.
    private static let table: [String: String] = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8", "cjs": "text/javascript; charset=utf-8",
        "txt": "text/plain; charset=utf-8", "log": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8",
        "tsv": "text/tab-separated-values; charset=utf-8", "ics": "text/calendar; charset=utf-8",
        "vtt": "text/vtt; charset=utf-8", "vcf": "text/vcard; charset=utf-8",
        "json": "application/json", "map": "application/json", "jsonld": "application/ld+json",
        "webmanifest": "application/manifest+json", "geojson": "application/geo+json",
        "xml": "application/xml", "xsl": "application/xslt+xml", "xhtml": "application/xhtml+xml",
        "atom": "application/atom+xml", "rss": "application/rss+xml",
        "wasm": "application/wasm", "pdf": "application/pdf", "rtf": "application/rtf", "ps": "application/postscript",
        "epub": "application/epub+zip",
        "zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "zst": "application/zstd",
        "bz2": "application/x-bzip2", "xz": "application/x-xz", "7z": "application/x-7z-compressed",
        "tar": "application/x-tar", "rar": "application/vnd.rar", "jar": "application/java-archive",
        "deb": "application/vnd.debian.binary-package", "apk": "application/vnd.android.package-archive",
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
        "avif": "image/avif", "svg": "image/svg+xml", "ico": "image/x-icon", "bmp": "image/bmp", "tif": "image/tiff",
        "tiff": "image/tiff", "heic": "image/heic", "jxl": "image/jxl",
        "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf", "ttc": "font/collection",
        "eot": "application/vnd.ms-fontobject",
        "mp3": "audio/mpeg", "m4a": "audio/mp4", "aac": "audio/aac", "ogg": "audio/ogg", "oga": "audio/ogg",
        "opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "weba": "audio/webm", "mid": "audio/midi",
        "mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
        "mpeg": "video/mpeg", "mpg": "video/mpeg", "avi": "video/x-msvideo", "mkv": "video/matroska",
        "m3u8": "application/vnd.apple.mpegurl", "ts": "video/mp2t", "mpd": "application/dash+xml",
    ]
}
