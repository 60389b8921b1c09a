import HTTPTypes
import TwisterCodec
import TwisterCompression

extension RequestHead {
    /// Takes the body's coding, which is to be undone, out of the head. The application finds it as
    /// `X-Consumed-Content-Encoding`; nobody has read the head before this call.
    func takeContentCoding() throws(RequestRefusal) -> ContentCoding? {
        guard let field = self[.contentEncoding] else { return nil }
        // `identity` is the absence of a coding (RFC 9110, 12.5.3).
        let names = TokenList.elements(of: field).filter { $0.lowercased() != "identity" }
        guard let name = names.first else { return nil }
        guard names.count == 1, let coding = ContentCoding(name) else {
            throw RequestRefusal(
                415, "the body's Content-Encoding is not supported", [.acceptEncoding: "gzip, deflate"])
        }
        renameField("content-encoding", to: "X-Consumed-Content-Encoding")
        return coding
    }
}
