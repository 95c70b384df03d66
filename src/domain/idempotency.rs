//! Requests that may be sent again: the same `Idempotency-Key` says that it is the same request.

use sha2::{Digest, Sha256};

use super::timestamp::Timestamp;

/// How long a request is known again, in seconds.
const REMEMBERED: i64 = 86_400;

/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// What a request is known again by, for as long as [`RepeatableRequest::forgotten_until`] says; then the sweep takes it away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RepeatableRequest {
    /// A hash of the API key's number and of the value of the header.
    pub key: [u8; 32],
    /// A hash of that value, the path and the body.
    pub request: [u8; 32],
}

/// What is no `Idempotency-Key`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be given once, with 1 to {MAX_KEY} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl RepeatableRequest {
    /// Takes the value of the header, of a request with an API key, and the hash of its body.
    pub fn parse(
        (api_key, value): (i64, &[u8]),
        path: &str,
        body: &[u8; 32],
    ) -> Result<Self, InvalidIdempotencyKey> {
        if !(1..=MAX_KEY).contains(&value.len()) || !value.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidIdempotencyKey);
        }
        let key = Sha256::new().chain_update(api_key.to_be_bytes()).chain_update(value).finalize().into();
        // The path has no NUL, nor has the value.
        let request = [value, path.as_bytes(), &body[..]].join(&0);
        Ok(Self { key, request: hash_of(&request) })
    }

    /// Whether this is the request of which a hash was kept under the same key.
    pub fn is(&self, kept: &[u8; 32]) -> bool {
        self.request == *kept
    }

    /// The moment up to which requests are forgotten.
    pub fn forgotten_until(now: Timestamp) -> Timestamp {
        now.plus_seconds(-REMEMBERED)
    }
}

/// The hash of a body.
pub fn hash_of(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(api_key: i64, value: &[u8], body: &[u8]) -> Result<RepeatableRequest, InvalidIdempotencyKey> {
        RepeatableRequest::parse((api_key, value), "/api/clients", &hash_of(body))
    }

    #[test]
    fn a_key_is_of_one_caller_and_a_request_of_one_body() {
        let one = parse(1, b"a", b"{}").unwrap();

        assert_eq!(parse(1, b"a", b"{}").unwrap(), one);
        assert_ne!(parse(2, b"a", b"{}").unwrap().key, one.key);
        assert_ne!(parse(1, b"b", b"{}").unwrap().key, one.key);
        let other = parse(1, b"a", b"{ }").unwrap();
        assert!(other.key == one.key && other.request != one.request);
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        assert!(parse(1, &[b'!'; 255], b"").is_ok() && parse(1, b"~", b"").is_ok());
        for value in [&b""[..], &[b'a'; 256], b"a b", b"a\x7f", "é".as_bytes()] {
            assert!(parse(1, value, b"").is_err(), "{value:?}");
        }
    }
}
