//! The bodies that add and change a client, as the description has them.

use serde_json::{Value, json};

use crate::domain::custom_fields;
use crate::domain::user::fields::{FIELDS, Kind, REQUIRED};

/// What is sent to add and to change a client: the fields of the object that is shown, and no others.
pub(super) fn bodies(user: &Value) -> [(&'static str, Value); 2] {
    let mut fields = user["properties"].clone();
    for field in &FIELDS {
        match field.kind {
            // What stands beside a reference holds as well (JSON Schema 2020-12, section 8.2.3.1).
            Kind::ReadOnly => fields[field.name]["readOnly"] = json!(true),
            Kind::Text(longest, ..) => fields[field.name]["maxLength"] = json!(longest),
            Kind::Email(_) | Kind::CustomFields(_) | Kind::Status(_) | Kind::Flag(_) | Kind::Staff(_) => {}
        }
    }
    fields["custom_fields"] = json!({
        "description": format!(
            "Fields of the operator's own: {} bytes at most as JSON without spaces, nested {} deep at most; numbers keep \
             their digits. An empty array counts as an empty object.",
            custom_fields::MAX_LENGTH,
            custom_fields::DEEPEST,
        ),
        "anyOf": [{ "type": "object" }, { "type": "array", "maxItems": 0, "items": {} }],
    });
    let change = json!({ "type": "object", "additionalProperties": false, "properties": fields });
    let mut new = change.clone();
    new["description"] = json!("A client to be added. A free id may be given.");
    new["required"] = json!(REQUIRED);
    new["properties"]["id"] = user["properties"]["id"].clone();
    new["example"] = json!({ "email": "ada@example.org", "name_f": "Ada", "name_l": "Lovelace" });
    let mut change = change;
    change["description"] =
        json!("The fields to change; what is not sent stays, what is read-only is passed over.");
    change["example"] = json!({ "company": "Analytical Engines" });
    [("NewClient", new), ("ClientChange", change)]
}
