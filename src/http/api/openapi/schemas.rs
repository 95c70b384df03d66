//! The schemas of domain types, which know nothing of the description.

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::validation::Code;

impl ToSchema for UserId {}

impl PartialSchema for UserId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(Self::MAX))
            .description(Some("The number of a user: unique in the workspace, never used again."))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment in UTC (RFC 3339)."))
            .examples([json!("2026-11-23T03:23:00.000Z")])
            .into()
    }
}

impl ToSchema for Code {}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The kind of a problem, as a stable word for programs."))
            .enum_values(Some(["required", "taken", "too_long", "unknown", "invalid"]))
            .into()
    }
}
