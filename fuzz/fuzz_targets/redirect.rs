//! A target that is accepted never leaves the origins that the workspace names, as a browser would read it.

#![no_main]

use doorkey::domain::origin::Origin;
use doorkey::domain::redirect::RedirectTarget;
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::workspace::Workspace;
use libfuzzer_sys::fuzz_target;
use url::Url;

const PORTAL: &str = "https://app.example.com";
const ALLOWED: [&str; 4] =
    [PORTAL, "https://home.example.com", "https://shop.example.com:8443", "http://localhost:3000"];

fuzz_target!(|text: &str| {
    let workspace = workspace();
    let Ok(target) = RedirectTarget::parse(text, &workspace.redirect_policy()) else { return };
    let kept = target.as_str();

    assert!(kept.bytes().all(|byte| byte.is_ascii_graphic()), "{kept:?} is no header value");
    assert!(kept.len() <= 2_000);
    assert_eq!(
        RedirectTarget::parse(kept, &workspace.redirect_policy()),
        Ok(target.clone()),
        "{kept:?} is judged otherwise"
    );
    // Wherever it stands, as given and as kept: on a page of the portal, and on one that lies deeper.
    for base in ["https://app.example.com/", "https://app.example.com/login/go?x=1"] {
        for text in [text, kept] {
            let url = Url::parse(base).expect("a base").join(text).expect("what was accepted is a URL");
            let origin = url.origin().ascii_serialization();
            assert!(ALLOWED.contains(&origin.as_str()), "{text:?} leads to {origin}");
            assert!(url.username().is_empty() && url.password().is_none(), "{text:?} names somebody");
            assert_eq!(matches!(target, RedirectTarget::Path(_)), text.starts_with('/'));
        }
    }
    let seen = target.seen_from(PORTAL);
    assert_eq!(RedirectTarget::parse(seen.as_str(), &workspace.redirect_policy()), Ok(seen.clone()));
});

fn workspace() -> Workspace {
    let origin = |text: &&str| Origin::parse(text).expect("an origin");
    let now = Timestamp::from_millis(0);
    let mut workspace = Workspace::fresh("Acme".to_owned(), origin(&PORTAL), now);
    workspace.landing_url = Some(format!("{}/start", ALLOWED[1]));
    workspace.allowed_redirect_origins = ALLOWED[2..].iter().map(origin).collect();
    workspace
}
