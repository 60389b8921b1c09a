import Twister

/// Redirects.
let redirectRoutes = RouteGroup("/redirect") {
    URLSpec(.get, "/temp") { try $0.redirect("/target") }
    URLSpec(.get, "/perm") { try $0.redirect("/target", status: .movedPermanently) }
    URLSpec(.get, "/status/([0-9]+)") { (handler, code: Int) in try handler.redirect("/target", status: code) }
    URLSpec(.get, "/to") { try $0.redirect($0.getQueryArgument("url", strip: false)) }
    URLSpec("/static", RedirectHandler.self, Redirection("/target"))
    URLSpec("/swap/([^/]+)/([^/]+)", RedirectHandler.self, Redirection("/swapped/{1}/{0}"))
    URLSpec("/found", RedirectHandler.self, Redirection("/target", permanent: false))
    URLSpec("/away/(.*)", RedirectHandler.self, Redirection("/{0}"))
}.routes
