//! The bodies that add and change apps, as the description has them.

use serde_json::{Value, json};

/// The body that adds an app, and the one that changes one.
pub(super) fn bodies() -> [(&'static str, Value); 2] {
    let uris = |description: &str| {
        json!({
            "type": "array",
            "maxItems": 20,
            "items": { "type": "string", "maxLength": 2000 },
            "description": description,
        })
    };
    let change = json!({
        "name": { "type": "string", "minLength": 1, "maxLength": 100, "description": "What people call it." },
        "redirect_uris": uris("Where codes may be sent: https, or http on this machine; of a public app a scheme with a dot, too."),
        "start_url": {
            "type": ["string", "null"],
            "maxLength": 2000,
            "description": "Where a person arrives who comes by a link; {iss}, {login_hint} and {target} are filled in.",
        },
        "post_logout_redirect_uris": uris("Where a person may be sent after signing out."),
        "backchannel_logout_uri": {
            "type": ["string", "null"],
            "maxLength": 2000,
            "description": "Where it hears that a session has ended: https, at a public address.",
        },
        "pkce": {
            "type": "string",
            "enum": ["required", "optional"],
            "default": "required",
            "description": "Whether it must send a code challenge.",
        },
        "alg": {
            "type": "string",
            "enum": ["RS256", "ES256"],
            "default": "RS256",
            "description": "What its ID tokens are signed with.",
        },
        "slim_id_token": {
            "type": "boolean",
            "default": false,
            "description": "Whether claims of scopes are left to userinfo.",
        },
    });
    let mut new = change.clone();
    new["client_id"] = json!({
        "type": "string",
        "pattern": "^[0-9A-Za-z-]{3,64}$",
        "description": "What it is called in requests; one is drawn if none is given.",
    });
    new["type"] = json!({
        "type": "string",
        "enum": ["confidential", "public"],
        "default": "confidential",
        "description": "Whether it can keep a secret.",
    });
    new["redirect_uris"]["minItems"] = json!(1);
    let example = json!({ "name": "Wiki", "redirect_uris": ["https://wiki.example.com/callback"] });
    [
        (
            "NewApp",
            json!({
                "type": "object",
                "required": ["name", "redirect_uris"],
                "properties": new,
                "example": example,
            }),
        ),
        (
            "AppChange",
            json!({ "type": "object", "properties": change, "example": { "name": "Wiki of Acme" } }),
        ),
    ]
}
