import Twister

enum Links {
    static let invoice = RouteName<Int>("invoice")
}

func makeInvoices(cookieSecret: CookieSecret) throws -> Application {
    try Application(
        [
            URLSpec(.get, "/invoices/([0-9]+)") { (handler, id: Int) in
                try handler.requireSignedURL()
                return "Invoice \(id)"
            }
            .named(Links.invoice),
            // The text of a mail. The link ends after a week.
            URLSpec(.post, "/invoices/([0-9]+)/mail") { (handler, id: Int) in
                let path = try handler.signedURL(Links.invoice, id, lifetime: .seconds(7 * 86_400))
                return "Your invoice: \(handler.absoluteURL(path: path))"
            },
        ],
        settings: Application.Settings(baseURL: "https://example.com", cookieSecret: cookieSecret))
}
