import Twister

/// Pages from templates, the language of their texts, and events.
let pageRoutes = RouteGroup {
    URLSpec(.get, "/page") { handler in
        try handler.render(
            "page.html",
            [
                "name": handler.getQueryArgument("name"), "items": handler.getQueryArguments("item"),
                "admin": handler.hasFlag("admin"), "note": "<b>raw</b>",
            ])
    }
    URLSpec(.get, "/page/links") { $0.write(try $0.renderString("links.html")) }
    URLSpec(.get, "/locale") { handler in
        let count = try handler.getQueryArgument("n", as: Int.self, default: 1)
        let files = handler.locale.translate("%(n)d file", plural: "%(n)d files", count: count)
        try handler.respond([
            "locale": .string(handler.locale.code), "hello": .string(handler.locale.translate("Hello")),
            "files": .string(files.formatted(["n": count])),
        ])
    }
    URLSpec(.get, "/sse") { handler in
        try handler.setHeader(.contentType, "text/event-stream")
        try handler.setHeader(.cacheControl, "no-cache")
        let last = handler.request.headers["Last-Event-ID"].flatMap { $0.hasPrefix("+") ? nil : UInt64($0) }
        let first = Int(min(last ?? 0, 1 << 62)) + 1
        let count = try handler.getQueryArgument("count", as: Int.self)
        handler.write("retry: 1500\n\n")
        for number in first..<(first + min(max(count, 0), 1 << 32)) {
            handler.write("id: \(number)\nevent: tick\ndata: {\"n\": \(number)}\n\n")
            try await handler.flush()
            try await handler.sleep(for: .milliseconds(10))
        }
        handler.write("event: done\ndata: bye\ndata: bye\n\n")
    }
}.routes

let pageTemplates = [
    "layout.html": """
    <!DOCTYPE html>
    <html><head><title>{{$title}}Twin{{/title}}</title></head>
    <body>{{$body}}{{/body}}</body></html>

    """,
    "page.html": "{{<layout}}{{$title}}Hello {{name}}{{/title}}{{$body}}<h1>Hello, {{name}}!</h1>"
        + "<p>{{#admin}}admin{{/admin}}{{^admin}}guest{{/admin}}</p>"
        + "{{^empty(items)}}<ul>{{#items}}<li>ITEM {{plusone(index())}}: {{.}}</li>{{/items}}</ul>{{/empty(items)}}"
        + "{{#empty(items)}}<p>nothing</p>{{/empty(items)}}<p>{{{note}}}</p>{{/body}}{{/layout}}",
    "links.html": "<a href=\"{{#static_url}}hello.txt{{/static_url}}\">file</a>"
        + "<a href=\"{{#reverse_url}}home{{/reverse_url}}\">home</a>",
    "form.html": "<form method=\"post\" action=\"/xsrf/submit\">{{{xsrf_form_html}}}</form>",
]
