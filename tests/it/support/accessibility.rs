//! What keeps people from reading or using a page, as axe-core finds it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::browser::WebBrowser;

/// What it complains of, with the elements.
const FOUND: &str = "const done = arguments[arguments.length - 1];
    // A colour that is still on its way to the other scheme is no fault.
    // One that gets no frames to run in does not come to an end.
    const patience = new Promise(end => setTimeout(end, 1000));
    Promise.race([Promise.allSettled(document.getAnimations().map(one => one.finished)), patience]).then(() => axe.run(document, arguments[0])).then(result => done(result.violations.map(
        one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.html).join(' ')}`)),
        error => done([String(error)]));";

/// What makes the page scroll sideways, if it does.
const STICKING_OUT: &str = "const root = document.documentElement;
    const wide = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1);
    return root.scrollWidth > innerWidth ? wide.map(one => one.outerHTML.slice(0, 120)) : []";

/// Every rule.
pub const PAGE: &str = "{}";
/// Webmail has the landmarks and headings around a mail itself.
pub const MAIL: &str = r#"{"rules": {"region": {"enabled": false}, "landmark-one-main": {"enabled": false},
    "page-has-heading-one": {"enabled": false}}}"#;

/// Asks for both colour schemes, on a phone and on a screen, and expects that nothing is found.
pub async fn is_for_everybody(browser: &WebBrowser, rules: &str, page: &str) {
    let axe = std::fs::read_to_string(script()).expect("axe-core is missing: ./test installs it");
    browser.evaluate(&axe).await;
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tell("Emulation.setEmulatedMedia", media).await;
        for width in [320, 360, 1280] {
            let window = json!({"width": width, "height": 720, "deviceScaleFactor": 1, "mobile": false});
            browser.tell("Emulation.setDeviceMetricsOverride", window).await;
            let sticking_out = browser.evaluate(STICKING_OUT).await;
            assert_eq!(sticking_out, json!([]), "{page} scrolls sideways at {width} pixels");
            let rules = serde_json::from_str(rules).unwrap();
            let found = browser.driver().execute_async(FOUND, vec![rules]).await.unwrap();
            assert_eq!(found.json(), &json!([]), "{page}, {scheme}, {width} pixels");
        }
    }
}

fn script() -> PathBuf {
    let installed = std::env::var_os("AXE_CORE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe-core"), PathBuf::from);
    installed.join("node_modules/axe-core/axe.min.js")
}
