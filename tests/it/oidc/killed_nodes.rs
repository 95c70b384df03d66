//! A node that dies once it has exchanged a code.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::relying_party::RelyingParty;
use crate::support::server::{Server, visitor};

#[tokio::test]
async fn a_code_is_used_on_every_node_once_its_tokens_were_out_and_the_node_that_gave_them_dead() {
    let mut first = Server::start();
    first.add_client("ada@example.org", "Ada", "Lovelace");
    let app = RelyingParty::added_to(&first);
    let code = app.code_at(&first).await;
    let answer = app.exchange_at(&first, &code).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let tokens: Value = answer.json().await.unwrap();
    let userinfo = async |server: &Server| {
        let asked = visitor().get(server.url("/oidc/userinfo"));
        asked.bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap().status()
    };

    first.kill();
    let mut second = first.beside();
    second.serve_with(&[]);

    // The issuer's port is the first one's: the host alone says which workspace it is.
    assert_eq!(userinfo(&second).await, StatusCode::OK);
    app.expect_dead(&second, &code).await;
    assert_eq!(userinfo(&second).await, StatusCode::UNAUTHORIZED);
}
