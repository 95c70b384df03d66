//! Discovery, keys, and which scripts may read what.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::app::{TestApp, TestRequest};
use crate::support::relying_party::userinfo;

#[tokio::test]
async fn discovery_says_where_everything_is() {
    let test = TestApp::start().await;
    let answer = test.send(TestRequest::of("GET", "/.well-known/openid-configuration")).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let said = answer.json();
    for (name, value) in [
        ("issuer", json!("https://example.com")),
        ("authorization_endpoint", json!("https://example.com/oidc/authorize")),
        ("token_endpoint", json!("https://example.com/oidc/token")),
        ("userinfo_endpoint", json!("https://example.com/oidc/userinfo")),
        ("jwks_uri", json!("https://example.com/oidc/jwks")),
        ("end_session_endpoint", json!("https://example.com/oidc/end_session")),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "form_post"])),
        ("grant_types_supported", json!(["authorization_code"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["RS256", "ES256"])),
        (
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_basic", "client_secret_post", "none"]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("scopes_supported", json!(["openid", "profile", "email", "phone", "groups"])),
        ("acr_values_supported", json!(["urn:doorkey:mailbox"])),
        ("prompt_values_supported", json!(["none", "login", "consent", "select_account"])),
        ("claims_parameter_supported", json!(false)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    let same = test.send(TestRequest::of("GET", "/.well-known/oauth-authorization-server")).await;
    assert_eq!(same.body, answer.body);
    let head = test.send(TestRequest::of("HEAD", "/.well-known/openid-configuration")).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(test.send(TestRequest::of("POST", "/oidc/jwks")).await.status, 405);
}

/// Two at once from the first app on: the one that signs, and the next.
#[tokio::test]
async fn keys_are_published_from_the_first_app_on_the_next_one_among_them() {
    let test = TestApp::start().await;
    let keys = async || test.send(TestRequest::of("GET", "/oidc/jwks")).await;
    assert_eq!(keys().await.json(), json!({"keys": []}));
    test.add_app(&json!({})).await;

    let published = keys().await;
    assert_eq!(published.header("cache-control"), "public, max-age=3600");
    let published = published.json()["keys"].as_array().unwrap().clone();
    assert_eq!(published.len(), 2);
    for key in &published {
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert_eq!(key.get(private), None);
        }
    }
    test.add_app(&json!({"alg": "ES256"})).await;
    assert_eq!(keys().await.json()["keys"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_workspace_has_keys_of_its_own() {
    let test = TestApp::start().await;
    let (_, bolt) = test.another("Bolt", "https://bolt.test").await;
    let body = json!({"name": "Wiki", "redirect_uris": ["https://wiki.bolt.test/cb"]});
    let mut found = BTreeSet::new();
    for (host, key) in [("example.com", &test.key), ("bolt.test", &bolt)] {
        let add = TestRequest::of("POST", "/api/apps").host(host).bearer(key).json(&body);
        assert_eq!(test.send(add).await.status, 201);
    }
    for host in ["example.com", "bolt.test"] {
        let published = test.send(TestRequest::of("GET", "/oidc/jwks").host(host)).await.json();
        let published = published["keys"].as_array().unwrap().clone();
        assert_eq!(published.len(), 2, "{host}");
        found.extend(published.iter().flat_map(|key| [key["kid"].to_string(), key["n"].to_string()]));
    }
    assert_eq!(found.len(), 8, "{found:?}");
}

/// Only scripts of public apps read answers, and never with cookies.
#[tokio::test]
async fn scripts_of_public_apps_alone_may_read_tokens() {
    let test = TestApp::start().await;
    test.add_app(&json!({})).await;
    let fields =
        json!({"type": "public", "redirect_uris": ["https://spa.example.org/cb", "http://127.0.0.1/cb"]});
    test.add_app(&fields).await;
    for (origin, is_allowed) in [
        ("https://spa.example.org", true),
        ("http://127.0.0.1:3000", true),
        ("https://app.example.org", false),
        ("https://spa.example.org:8443", false),
        ("http://spa.example.org", false),
        ("http://localhost:3000", false),
        ("null", false),
    ] {
        for path in ["/oidc/token", "/oidc/userinfo"] {
            let preflight = TestRequest::of("OPTIONS", path)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization");
            let answer = test.send(preflight).await;
            let expected = if is_allowed { origin } else { "" };
            assert_eq!(answer.status, 204);
            assert_eq!(answer.header("access-control-allow-origin"), expected, "{path} {origin}");
            assert_eq!(answer.header("vary"), "Origin");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            if is_allowed {
                assert_eq!(answer.header("access-control-allow-headers"), "Authorization, Content-Type");
            }
            let call = TestRequest::of("POST", path).form(&[]).header("origin", origin);
            assert_eq!(
                test.send(call).await.header("access-control-allow-origin"),
                expected,
                "{path} {origin}"
            );
        }
    }
    assert_eq!(userinfo(&test, "x").await.header("access-control-allow-origin"), "");
}
