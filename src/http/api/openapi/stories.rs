//! The body that finds the story of a link, as the description has it.

use serde_json::{Value, json};

use crate::domain::story_body::MAX_LINK;

/// The link whose story is wished.
pub(super) fn body() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["link"],
        "properties": {
            "link": {
                "type": "string",
                "maxLength": MAX_LINK / 4,
                "description": "The link, or its token.",
            },
        },
        "example": { "link": "https://example.com/login?token=GwZtXk2q9dYVb0mH4sJcQe7uLr1aPfN5" },
    })
}
