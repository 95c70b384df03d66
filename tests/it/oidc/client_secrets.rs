//! How an app shows who it is at the exchange, and what does not count.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::relying_party::{RelyingParty, error_of};

/// It is another way to show who one is, which is not taken: not even beside a right secret, and not of who needs none.
#[tokio::test]
async fn an_assertion_is_refused_and_not_passed_over() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let public = test.add_app(&json!({"type": "public"})).await;
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let assertion = ("client_assertion", "e30.e30.AAAA");
    for party in [&app, &public] {
        let code = party.code(&mut browser).await;
        let id = ("client_id", party.client_id.as_str());
        for (others, expected) in [
            (vec![id, kind, assertion], (401, "invalid_client")),
            (vec![id, assertion], (401, "invalid_client")),
            (vec![id, kind], (401, "invalid_client")),
            (vec![id, assertion, assertion], (400, "invalid_request")),
        ] {
            let refused = error_of(&test.send(party.exchange_with(&code, &others)).await);
            assert_eq!((refused.0, refused.1.as_str()), expected, "{others:?}");
        }
        let answer = test.send(party.exchange_with(&code, &[id])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_secret_that_is_removed_leaves_the_code_good_for_the_other() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let path = format!("/api/apps/{}", app.client_id);
    let old = test.call("GET", &path).await.json()["secrets"][0]["id"].as_str().unwrap().to_owned();
    let new = test.call("POST", &format!("{path}/secrets")).await.json();
    let code = app.code(&mut browser).await;

    assert_eq!(test.call("DELETE", &format!("{path}/secrets/{old}")).await.status, 204);

    let refused = test.send(app.exchange(&code)).await;
    assert_eq!(error_of(&refused), (401, "invalid_client".to_owned()));
    let renewed = RelyingParty { secret: new["secret"].as_str().map(str::to_owned), ..app };
    renewed.tokens(&test, &code).await;
}
