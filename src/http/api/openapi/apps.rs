//! The bodies that add and change an app, as the description has them.

use serde_json::{Value, json};

use crate::domain::oidc::app_change::{MAX_NAME, MAX_URIS};
use crate::domain::oidc::app_uri_rules::MAX_LENGTH;

/// What is sent to add and to change an app.
pub(super) fn bodies() -> [(&'static str, Value); 2] {
    let uris = |least: u8, description: &str| {
        json!({
            "type": "array",
            "minItems": least,
            "maxItems": MAX_URIS,
            "items": { "type": "string", "maxLength": MAX_LENGTH },
            "description": description,
        })
    };
    let uri = |description: &str| json!({ "type": ["string", "null"], "maxLength": MAX_LENGTH, "description": description });
    let properties = json!({
        "name": { "type": "string", "minLength": 1, "maxLength": MAX_NAME, "description": "What people call it." },
        "redirect_uris": uris(1, "Where codes may be sent: https, or http on localhost, 127.0.0.1 or [::1]; of a public app also a \
                                  scheme with a dot. They are compared byte for byte."),
        "start_url": uri("Where a person arrives who comes by a link. Behind its origin {iss}, {login_hint} and {target} are filled in."),
        "post_logout_redirect_uris": uris(0, "Where a person may be sent after signing out, byte for byte."),
        "backchannel_logout_uri": uri("Where the app hears that a session has ended."),
        "pkce": { "type": "string", "enum": ["required", "optional"], "description": "Whether a code challenge is needed." },
        "alg": { "type": "string", "enum": ["RS256", "ES256"], "description": "What its ID tokens are signed with." },
        "slim_id_token": { "type": "boolean", "description": "Whether claims of scopes are left to userinfo." },
    });
    let change = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "The fields to change; what is not sent stays.",
        "properties": properties,
        "example": { "name": "Wiki" },
    });
    let mut new = change.clone();
    new["description"] = json!("An app to be added.");
    new["required"] = json!(["name", "redirect_uris"]);
    new["properties"]["client_id"] = json!({
        "type": "string",
        "pattern": "^[0-9A-Za-z-]{3,64}$",
        "description": "What it is called in requests; drawn if it is left out.",
    });
    new["properties"]["type"] = json!({
        "type": "string",
        "enum": ["confidential", "public"],
        "description": "public if it can keep no secret; confidential if it is left out.",
    });
    new["example"] = json!({ "name": "Wiki", "redirect_uris": ["https://wiki.example.com/callback"] });
    [("NewApp", new), ("AppChange", change)]
}
