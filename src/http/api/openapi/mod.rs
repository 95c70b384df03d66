//! `GET /api/openapi.json`: the description of the API. Requests and responses of an operation stand at its handler; what all
//! operations share is added here, once.

mod apps;
mod clients;
mod mails;
mod schemas;
mod stories;

use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, PartialSchema};

use crate::domain::list_query::{Field, FieldType};
use crate::domain::scope::Scopes;
use crate::domain::user::fields::LISTED;
use crate::http::api;
use crate::http::api::resources::ErrorBody;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::store::{APP_FIELDS, ListedEntry, ListedLink, ListedSession, MAIL_FIELDS};

#[derive(OpenApi)]
#[openapi(
    info(title = "doorkey", description = "Login links, and what a back office does around them."),
    servers((url = "/", description = "Any host of the workspace.")),
    paths(
        api::login_links::issue,
        api::login_links::list,
        api::login_links::revoke,
        api::clients::list,
        api::clients::add,
        api::clients::show,
        api::clients::set,
        api::clients::delete,
        api::team::list,
        api::team::show,
        api::mails::send,
        api::mails::list,
        api::mails::show,
        api::apps::list,
        api::apps::add,
        api::apps::show,
        api::apps::set,
        api::apps::delete,
        api::apps::add_secret,
        api::apps::remove_secret,
        api::apps::refusals,
        api::logs::list,
        api::stories::show,
        api::stories::find,
        api::stats::login_links,
        api::sessions::list,
        api::sessions::revoke,
        show,
    ),
    tags(
        (name = "Login links", description = "What a client signs in with."),
        (name = "Clients", description = "The people who may have login links."),
        (name = "Team", description = "Staff, who may not."),
        (name = "Mails", description = "Links that doorkey mails, and what became of them."),
        (name = "Apps", description = "Applications that people are signed in to by OpenID Connect."),
        (name = "Sessions", description = "Who is signed in."),
        (name = "Logs", description = "What happened."),
        (name = "Stories", description = "What became of a link, and of all of them."),
        (name = "Description", description = "The API itself."),
    )
)]
struct Description;

/// Built at the first request; the same for every workspace.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));

/// Get this description
///
/// It needs no key.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getDescription",
    tag = "Description",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
    security(())
)]
pub(in crate::http) async fn show(
    Extension(context): Extension<Arc<RequestContext>>,
) -> Result<Response, Error> {
    context.version.map_err(|_| Error::InvalidVersion)?;
    Ok(([(CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response())
}

/// An error response that several operations share: its status, its name in the components, its sentence, and its error
/// codes, of which the first one is in the example.
struct Failure(&'static str, &'static str, &'static str, &'static [&'static str]);

/// Every error status.
const FAILURES: [Failure; 12] = [
    Failure(
        "400",
        "BadRequest",
        "The request cannot be read or does not pass; `invalid` says in `errors` and `codes` which \
         fields, 20 at most, and why.",
        &["invalid", "malformed", "invalid_version", "invalid_redirect", "invalid_app"],
    ),
    Failure("401", "Unauthenticated", "No API key of this workspace that holds.", &["unauthenticated"]),
    Failure(
        "403",
        "Forbidden",
        "The key lacks a scope, or the user may not have a login link.",
        &["insufficient_scope", "staff_user", "two_factor_enabled", "user_disabled"],
    ),
    Failure(
        "404",
        "NotFound",
        "No such user, session, mail, app, secret, story or route, or no workspace has this host.",
        &["not_found", "user_not_found", "workspace_not_found"],
    ),
    Failure("405", "MethodNotAllowed", "The route has no such method.", &["method_not_allowed"]),
    Failure("408", "RequestTimeout", "The body did not arrive in time.", &["request_timeout"]),
    Failure(
        "409",
        "Conflict",
        "What is there already forbids it: the `Idempotency-Key` came with another request, mail is not set up, or the app has as many \
         secrets as it may have, or a last one.",
        &["conflict", "mail_not_configured"],
    ),
    Failure("413", "PayloadTooLarge", "The body is larger than 1 MiB.", &["payload_too_large"]),
    Failure(
        "415",
        "UnsupportedMediaType",
        "The body is not application/json, or comes with Content-Encoding.",
        &["unsupported_media_type"],
    ),
    Failure(
        "429",
        "RateLimited",
        "The key asks more often than it may, or too many requests without one came from this address.",
        &["rate_limited"],
    ),
    Failure("500", "Internal", "Something went wrong on the server.", &["internal"]),
    Failure(
        "503",
        "Unavailable",
        "The service is not available at the moment; nothing was done.",
        &["unavailable"],
    ),
];

/// The lists, and what each may be sorted and filtered by.
const LISTS: [(&str, &[Field]); 7] = [
    ("listLoginLinks", &ListedLink::FIELDS),
    ("listClients", &LISTED),
    ("listTeam", &LISTED),
    ("listLogs", &ListedEntry::FIELDS),
    ("listSessions", &ListedSession::FIELDS),
    ("listMails", &MAIL_FIELDS),
    ("listApps", &APP_FIELDS),
];

/// The whole document.
fn document() -> Value {
    let mut document = json!(Description::openapi());
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
        operations.for_each(complete);
    }
    let bodies = clients::bodies(&document["components"]["schemas"]["User"]);
    let components = &mut document["components"];
    for (name, schema) in bodies.into_iter().chain(apps::bodies()) {
        components["schemas"][name] = schema;
    }
    components["schemas"]["MailWish"] = mails::body();
    components["schemas"]["StoryWish"] = stories::body();
    // The rows of a list refer to their own schema.
    for (name, schema) in components["schemas"].as_object_mut().into_iter().flatten() {
        if let Some(row) = name.strip_prefix("List_") {
            schema["properties"]["data"]["items"] = json!({ "$ref": format!("#/components/schemas/{row}") });
        }
    }
    components["schemas"]["Error"] = json!(ErrorBody::schema());
    components["headers"] = headers();
    components["parameters"] = json!({ "X-Api-Version": version_parameter() });
    components["responses"] =
        FAILURES.iter().map(|failure| (failure.1.to_owned(), response(failure))).collect();
    components["securitySchemes"] = json!({ "key": {
        "type": "http",
        "scheme": "bearer",
        "description": format!("An API key of the workspace. Each operation needs one scope of: {}.", Scopes::all()),
    }});
    document
}

/// Adds to an operation what it shares with others.
fn complete(operation: &mut Value) {
    let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if let Some((_, fields)) = LISTS.iter().find(|(list, _)| *list == name) {
        parameters.extend(list_parameters(fields));
    }
    parameters.push(json!({ "$ref": "#/components/parameters/X-Api-Version" }));
    operation["parameters"] = parameters.into();

    let has_body = operation.get("requestBody").is_some();
    if has_body {
        operation["requestBody"]["required"] = json!(name != "mailLoginLink");
    }
    let has_key = name != "getDescription";
    let may_conflict = ["addClient", "mailLoginLink", "addAppSecret", "removeAppSecret"].contains(&&*name);
    let more = if name == "getLoginLink" { &LINK_HEADERS[..] } else { &[] };
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for response in responses.values_mut() {
        response["headers"] = response_headers(more);
    }
    for Failure(status, name, ..) in FAILURES {
        let happens = match status {
            "408" | "413" | "415" => has_body,
            "409" => may_conflict,
            "401" | "403" | "429" => has_key,
            _ => true,
        };
        if happens {
            let reference = format!("#/components/responses/{name}");
            responses.insert(status.to_owned(), json!({ "$ref": reference }));
        }
    }
}

/// More headers of the response with a login link.
const LINK_HEADERS: [&str; 2] = ["X-Login-Link-Expires-At", "X-Login-Link-Reused"];

/// The headers of every response, and more of this one.
fn response_headers(more: &[&str]) -> Value {
    let names = ["X-Api-Identifier", "X-Api-Version"].iter().chain(more);
    names
        .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect()
}

fn headers() -> Value {
    let header = |description: &str, schema: Value| json!({ "description": description, "required": true, "schema": schema });
    let identifier = "A unique identifier of the request; please name it when you ask for help.";
    let mut headers = json!({
        "X-Api-Identifier": header(identifier, json!({ "type": "string", "format": "uuid" })),
        "X-Api-Version": header(
            "The version that served the request.",
            json!({ "type": "string", "pattern": "^[0-9]{8}$" }),
        ),
        "X-Login-Link-Expires-At": header(
            "When the link dies of age.",
            json!({ "type": "string", "format": "date-time" }),
        ),
        "X-Login-Link-Reused": header(
            "Whether the link had been handed out before.",
            json!({ "type": "string", "enum": ["true", "false"] }),
        ),
        "Allow": header("The methods that the route has.", json!({ "type": "string" })),
        "WWW-Authenticate": header("How to authenticate.", json!({ "type": "string", "const": "Bearer" })),
        "Retry-After": header("How many seconds to wait.", json!({ "type": "integer", "minimum": 1 })),
    });
    headers["X-Api-Identifier"]["example"] = json!("efc995d2-bfdb-3bc9-80a3-e828bb9c83c2");
    headers["X-Api-Version"]["example"] = json!("20231214");
    headers
}

fn version_parameter() -> Value {
    json!({
        "name": "X-Api-Version",
        "in": "header",
        "required": false,
        "description": "The version to be served by, a date: 2023-12-14, 2024-03-05 (the default) or 2026-12-01. \
                        Any other date is served by the newest version that is not after it.",
        "schema": { "type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})?$" },
        "example": "2024-03-05",
    })
}

/// The response of a failure.
fn response(Failure(status, _, sentence, codes): &Failure) -> Value {
    let more: &[&str] = match *status {
        "401" => &["WWW-Authenticate"],
        "405" => &["Allow"],
        "429" | "503" => &["Retry-After"],
        _ => &[],
    };
    let mut example = json!({ "message": sentence, "code": codes[0] });
    if codes[0] == "invalid" {
        example["message"] = json!("The given data was invalid.");
        example["errors"] = json!({ "email": ["is needed"] });
        example["codes"] = json!({ "email": ["required"] });
    }
    let own = json!({ "properties": { "code": { "enum": codes } } });
    json!({
        "description": format!("{sentence} Codes: {}.", codes.join(", ")),
        "headers": response_headers(more),
        "content": { "application/json": {
            "schema": { "allOf": [{ "$ref": "#/components/schemas/Error" }, own] },
            "example": example,
        }},
    })
}

/// The parameters of a list.
///
/// Each filter is a parameter of its own, since no parameter style has names such as `filters[id][$in][]`
/// (docs/decisions/0014-filters.md).
fn list_parameters(fields: &[Field]) -> Vec<Value> {
    let orders = fields
        .iter()
        .flat_map(|field| ["", ":asc", ":desc"].map(|direction| json!(format!("{}{direction}", field.name))));
    let number = |max: i64, default: u8| json!({ "type": "integer", "minimum": 1, "maximum": max, "default": default });
    let mut parameters = vec![
        in_query("page", "The page, from 1.", &number(i64::MAX / 100, 1)),
        in_query("limit", "Rows on a page.", &number(100, 20)),
        in_query(
            "sort",
            "A field and a direction.",
            &json!({ "type": "string", "enum": orders.collect::<Vec<_>>() }),
        ),
    ];
    parameters.extend(fields.iter().flat_map(filters));
    parameters
}

/// The filters on a field; a row must pass all that are given.
fn filters(field: &Field) -> [Value; 4] {
    let value = match field.kind {
        FieldType::Number => json!({ "type": "integer", "format": "int64" }),
        FieldType::Time => json!({ "type": "string", "format": "date-time" }),
        FieldType::Text | FieldType::Email => json!({ "type": "string" }),
        FieldType::Id => json!({ "type": "string", "format": "uuid" }),
        FieldType::Flag => json!({ "type": "boolean" }),
    };
    let some = json!({ "type": "array", "items": value });
    let operators = [
        ("[$eq]", "equal to this", &value),
        ("[$lt]", "less than this", &value),
        ("[$gt]", "greater than this", &value),
        ("[$in][]", "one of these", &some),
    ];
    operators.map(|(operator, sentence, schema)| {
        in_query(&format!("filters[{}]{operator}", field.name), &format!("Only {sentence}."), schema)
    })
}

fn in_query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}
