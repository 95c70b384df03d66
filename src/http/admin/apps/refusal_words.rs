//! Refused requests of apps as their operator reads them: what was wrong, how often, and what to do.

use uuid::Uuid;

use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::refusal::AppRefusal;
use crate::domain::timestamp::Timestamp;
use crate::http::admin::times::TimeText;

/// Refusals of one app for the same reason.
pub(super) struct Refused {
    pub(super) client_id: String,
    pub(super) app: String,
    /// Where the app's page is.
    pub(super) address: String,
    /// The word that the app is answered.
    pub(super) error: String,
    /// What was wrong. Some of it may be what was sent.
    pub(super) message: String,
    pub(super) times: usize,
    /// When the first and the last of them were.
    pub(super) first: TimeText,
    pub(super) last: TimeText,
    /// The number of the last request.
    pub(super) request: Uuid,
    /// What to do.
    pub(super) advice: &'static str,
}

/// Refusals, the newest first: those of one app for the same reason are one, where the newest of them stands.
pub(super) fn told<'a>(
    refusals: impl Iterator<Item = (&'a OidcApp, AppRefusal)>,
    told: impl Fn(Timestamp) -> TimeText,
) -> Vec<Refused> {
    let mut all: Vec<Refused> = Vec::new();
    for (app, refusal) in refusals {
        let same = all.iter_mut().find(|known| {
            known.client_id == app.client_id
                && known.error == refusal.error
                && known.message == refusal.message
        });
        if let Some(known) = same {
            known.times += 1;
            known.first = told(refusal.time);
            continue;
        }
        all.push(Refused {
            client_id: app.client_id.clone(),
            app: app.name.clone(),
            address: String::new(),
            advice: advice(app.is_public, &refusal.error, &refusal.message),
            error: refusal.error,
            message: refusal.message,
            times: 1,
            first: told(refusal.time),
            last: told(refusal.time),
            request: refusal.request,
        });
    }
    all
}

/// What to do about a refusal.
fn advice(is_public: bool, error: &str, message: &str) -> &'static str {
    match error {
        "invalid_redirect_uri" => {
            "Have the app send an address of its list, or add to the list the one that it sends. Both must agree to the letter."
        }
        "invalid_client" if is_public => {
            "An app of this type has no secret: have it send none, and its client id in the form."
        }
        "invalid_client" => {
            "The app has an old secret, or a space behind it. Make another one and paste it there; the old one goes on working until it is removed."
        }
        "invalid_request" if message.contains("code_challenge") && is_public => {
            "Switch PKCE on in the app, with S256."
        }
        "invalid_request" if message.contains("code_challenge") => {
            "Switch PKCE on in the app, with S256. If it cannot do that, the app can be set to work without."
        }
        "invalid_grant" => {
            "A code works once, within 60 seconds, and with the redirect URI and PKCE verifier of the request that it was asked for with. If this comes again and again, look whether the app exchanges it twice or late."
        }
        "invalid_scope" => "Have the app ask for the scope openid.",
        "unsupported_response_type" => "Have the app use the authorization code flow: response_type=code.",
        "unsupported_grant_type" => "Have the app use the grant authorization_code: there is no other.",
        "request_not_supported" | "request_uri_not_supported" => "Switch request objects off in the app.",
        _ => "Look at the settings of the app: its library, or a proxy before it, sends this.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_depends_on_what_was_wrong_and_on_the_kind_of_app() {
        let missing = "code_challenge is missing: the app must use PKCE";
        assert!(advice(false, "invalid_request", missing).contains("work without"));
        assert!(!advice(true, "invalid_request", missing).contains("work without"));
        assert!(advice(true, "invalid_client", "").contains("has no secret"));
        assert!(advice(false, "invalid_client", "").contains("old secret"));
        for error in ["invalid_redirect_uri", "invalid_grant", "invalid_scope", "something"] {
            assert!(!advice(false, error, "").is_empty());
        }
    }
}
