//! The body that has a link mailed, as the description has it.

use serde_json::{Value, json};

use crate::domain::user::fields::MAX_LOCALE;

/// What may be wished of a mail.
pub(super) fn body() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "What is wished of the mail; each field may be left out.",
        "properties": {
            "redirect": {
                "type": "string",
                "maxLength": 2000,
                "description": "Where the person lands: a path of the portal, or an absolute URL of an allowed origin. Beside app: a \
                                path of the app's start URL, or an absolute URL on an origin of its start URL or its redirect URIs.",
            },
            "app": {
                "type": "string",
                "minLength": 3,
                "maxLength": 64,
                "pattern": "^[0-9A-Za-z-]+$",
                "description": "The client_id of an app of the workspace that has a start_url: the person lands there.",
            },
            "min_ttl": {
                "type": "integer",
                "minimum": 0,
                "description": "For how many seconds the link must at least be good: up to the workspace's link lifetime.",
            },
            "locale": {
                "type": "string",
                "maxLength": MAX_LOCALE,
                "description": "The language of the mail, such as de or pt-BR; else that of the client, else that of the workspace.",
            },
        },
        "example": { "redirect": "/orders/12" },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::mail_body::FIELDS;

    #[test]
    fn the_fields_are_those_that_the_call_takes() {
        let body = body();
        let described: BTreeSet<_> =
            body["properties"].as_object().unwrap().keys().map(String::as_str).collect();

        assert_eq!(described, FIELDS.split(", ").collect::<BTreeSet<_>>());
    }
}
