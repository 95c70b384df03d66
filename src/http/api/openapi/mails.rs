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
                "description": "Where the person lands: a path of the portal, or an absolute URL of an allowed origin.",
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
