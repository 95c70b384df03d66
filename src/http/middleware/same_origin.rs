//! Accepts forms only from doorkey's own pages.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::domain::story::PressRefusal;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;

/// The form there is about no link, so a refusal says something else than that of the login page.
const SIGN_OUT: &str = "/logout";

/// Refuses a POST that comes from another site: by `Sec-Fetch-Site` (W3C Fetch Metadata, section 2.3), else by `Origin`
/// against the host and port of the request. Old browsers send neither: then the MAC of the form and the cookie decide.
pub(in crate::http) async fn require_same_origin(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let context = request.extensions().get::<Arc<RequestContext>>();
    let is_post = request.method() == Method::POST;
    if is_post && !context.is_some_and(|context| is_same_origin(request.headers(), &context.origin())) {
        if let Some(found) = context.and_then(|context| context.link.as_ref()) {
            flow::stories::note_refused_press(&app, &found.link, PressRefusal::ForeignOrigin);
        }
        let is_sign_out = request.uri().path() == SIGN_OUT;
        let error = if is_sign_out { Error::CrossOriginSignOut } else { Error::CrossOriginForm };
        return error.into_placeholder();
    }
    next.run(request).await
}

/// Whether the headers of a form say that it is of this origin. No browser sends one of them twice: then nothing is believed.
pub(in crate::http) fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let is_twice = |name: &str| headers.get_all(name).iter().nth(1).is_some();
    if is_twice("sec-fetch-site") || is_twice("origin") {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    // A proxy may terminate TLS: host and port are compared, each with the default port of its scheme.
    let authority = |url: &str| {
        url::Url::parse(url)
            .ok()
            .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)))
    };
    let from = origin.to_str().ok().and_then(authority);
    from.is_some() && from == authority(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(name: &'static str, value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        is_same_origin(&headers, "https://portal.example.com")
    }

    #[test]
    fn own_pages_are_recognized_by_either_header() {
        assert!(is_same_origin(&HeaderMap::new(), "https://portal.example.com"));
        for (name, value) in [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("origin", "https://portal.example.com"),
            ("origin", "https://portal.example.com:443"),
            ("origin", "https://PORTAL.example.com"),
        ] {
            assert!(from(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn every_other_origin_is_refused() {
        for (name, value) in [
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", ""),
            ("origin", ""),
            ("origin", "null"),
            ("origin", "https://evil.test"),
            ("origin", "https://portal.example.com:8443"),
            ("origin", "https://portal.example.com.evil.test"),
            ("origin", "portal.example.com"),
        ] {
            assert!(!from(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn a_header_that_is_there_twice_is_not_believed() {
        for (name, first, second) in [
            ("sec-fetch-site", "same-origin", "cross-site"),
            ("sec-fetch-site", "cross-site", "same-origin"),
            ("sec-fetch-site", "same-origin", "same-origin"),
            ("origin", "https://portal.example.com", "https://evil.test"),
            ("origin", "https://portal.example.com", "https://portal.example.com"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(name, first.parse().unwrap());
            headers.append(name, second.parse().unwrap());
            assert!(!is_same_origin(&headers, "https://portal.example.com"), "{name}: {first}, {second}");
            headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
            let is_believed = is_same_origin(&headers, "https://portal.example.com");
            assert_eq!(is_believed, name == "sec-fetch-site", "{name} beside one that is right");
        }
    }
}
