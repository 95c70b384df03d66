//! The header of a request that may be sent again.

use axum::http::HeaderMap;

use super::caller::Caller;
use crate::domain::idempotency::{InvalidIdempotencyKey, RepeatableRequest};
use crate::domain::validation::ValidationErrors;
use crate::http::error::Error;

/// The header.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What its description says.
pub(super) const IDEMPOTENCY: &str =
    "A value of your own for this request, such as a UUID: 1 to 255 visible ASCII characters.";

/// What a request is known again by, if it may be sent again: its path, and the hash of its body.
pub(super) fn repeatable_request<S>(
    caller: &Caller<S>,
    headers: &HeaderMap,
    (path, hash): (&str, &[u8; 32]),
) -> Result<Option<RepeatableRequest>, Error> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), Some(key)) = (values.next(), &caller.context.api_key) else { return Ok(None) };
    let parsed = RepeatableRequest::parse((key.id, value.as_bytes()), path, hash);
    let parsed = if values.next().is_some() { Err(InvalidIdempotencyKey) } else { parsed };
    let refused = |invalid| Error::ValidationErrors(ValidationErrors::field(IDEMPOTENCY_KEY, invalid));
    parsed.map(Some).map_err(refused)
}
