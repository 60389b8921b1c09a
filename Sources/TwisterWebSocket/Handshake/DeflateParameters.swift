/// The parameters of permessage-deflate that both sides have agreed on (RFC 7692, 7.1).
struct DeflateParameters: Equatable {
    /// Whether the server compresses each message by itself.
    var serverNoContextTakeover = false
    /// Whether the client compresses each message by itself.
    var clientNoContextTakeover = false
    /// The server's window, as the power of two: 8 to 15.
    var serverMaxWindowBits = 15
    /// The client's window, as the power of two: 8 to 15.
    var clientMaxWindowBits = 15

    static let name = "permessage-deflate"

    /// The parameters of one offer of a client, or of the response of a server.
    struct Offer: Equatable {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverMaxWindowBits: Int?
        var clientMaxWindowBits: ClientWindow?
    }

    /// The parameter for the client's window.
    enum ClientWindow: Equatable {
        /// The client lets the server choose.
        case any
        case bits(Int)
    }

    /// Reads the parameters of an offer or a response. Nil where one is unknown, there twice, or has a value that it must not
    /// have: a server declines such an offer, and a client fails the connection (RFC 7692, 7.1).
    static func parse(_ parameters: [ExtensionList.Parameter]) -> Offer? {
        var offer = Offer()
        var seen: Set<String> = []
        for parameter in parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil): offer.serverNoContextTakeover = true
            case ("client_no_context_takeover", nil): offer.clientNoContextTakeover = true
            case ("server_max_window_bits", let value?):
                guard let bits = windowBits(value) else { return nil }
                offer.serverMaxWindowBits = bits
            case ("client_max_window_bits", nil): offer.clientMaxWindowBits = .any
            case ("client_max_window_bits", let value?):
                guard let bits = windowBits(value) else { return nil }
                offer.clientMaxWindowBits = .bits(bits)
            default: return nil
            }
        }
        return offer
    }

    /// 8 to 15, without leading zeros (RFC 7692, 7.1.2).
    private static func windowBits(_ text: String) -> Int? {
        guard let bits = Int(text), (8...15).contains(bits), String(bits) == text else { return nil }
        return bits
    }

    /// The first of a client's offers that can be accepted, and the response to it; nil: none.
    static func accept(
        _ offers: ExtensionList, _ options: WebSocketCompression
    ) -> (parameters: DeflateParameters, response: String)? {
        for offered in offers.extensions where offered.name == name {
            guard let offer = parse(offered.parameters) else { continue }
            return agree(offer, options)
        }
        return nil
    }

    private static func agree(_ offer: Offer, _ options: WebSocketCompression) -> (DeflateParameters, String) {
        var agreed = DeflateParameters()
        var response = name
        if offer.serverNoContextTakeover || !options.contextTakeover {
            agreed.serverNoContextTakeover = true
            response += "; server_no_context_takeover"
        }
        // A server may ask for this without an offer (RFC 7692, 7.1.1.2): between messages nothing is then kept for the client.
        if offer.clientNoContextTakeover || !options.contextTakeover {
            agreed.clientNoContextTakeover = true
            response += "; client_no_context_takeover"
        }
        agreed.serverMaxWindowBits = min(offer.serverMaxWindowBits ?? 15, options.maxWindowBits)
        if offer.serverMaxWindowBits != nil || agreed.serverMaxWindowBits < 15 {
            response += "; server_max_window_bits=\(agreed.serverMaxWindowBits)"
        }
        switch offer.clientMaxWindowBits {
        case nil: break
        case .any:
            agreed.clientMaxWindowBits = options.maxWindowBits
            // Not repeated where it says nothing, as Tornado has it.
            if options.maxWindowBits < 15 { response += "; client_max_window_bits=\(options.maxWindowBits)" }
        case .bits(let bits):
            agreed.clientMaxWindowBits = min(bits, options.maxWindowBits)
            response += "; client_max_window_bits=\(agreed.clientMaxWindowBits)"
        }
        return (agreed, response)
    }

    /// The offer of a client.
    static func offer(_ options: WebSocketCompression) -> String {
        var offer = "\(name); client_max_window_bits"
        if !options.contextTakeover { offer += "; server_no_context_takeover; client_no_context_takeover" }
        if options.maxWindowBits < 15 { offer += "; server_max_window_bits=\(options.maxWindowBits)" }
        return offer
    }

    /// The parameters that a server has accepted of `offer(options)`. Nil where it names any that were not offered.
    init?(response parameters: [ExtensionList.Parameter], _ options: WebSocketCompression) {
        guard let accepted = Self.parse(parameters) else { return nil }
        if !options.contextTakeover, !accepted.serverNoContextTakeover { return nil }
        serverNoContextTakeover = accepted.serverNoContextTakeover
        clientNoContextTakeover = accepted.clientNoContextTakeover || !options.contextTakeover
        serverMaxWindowBits = accepted.serverMaxWindowBits ?? 15
        guard serverMaxWindowBits <= options.maxWindowBits else { return nil }
        switch accepted.clientMaxWindowBits {
        case nil: clientMaxWindowBits = options.maxWindowBits
        case .any: return nil
        case .bits(let bits): clientMaxWindowBits = min(bits, options.maxWindowBits)
        }
    }

    init() {}
}
