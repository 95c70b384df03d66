//! What a database knows of the secret keys: never a key, but by its fingerprint which of them derives what is new.

use super::login_link::KeyId;
use super::timestamp::Timestamp;

/// A key that a database uses, or used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretKeyRecord {
    /// The number.
    pub id: KeyId,
    /// What it is known by; tells nothing of it.
    pub fingerprint: [u8; 32],
    /// When it was last made the active one.
    pub activated_at: Option<Timestamp>,
    /// When it was retired. It never comes back from there.
    pub retired_at: Option<Timestamp>,
}

impl SecretKeyRecord {
    /// Whether something may use it.
    pub fn is_accepted(&self) -> bool {
        self.retired_at.is_none()
    }
}

/// The key that derives what is new: of those that are accepted the one that was made so last.
///
/// The database says so, and not the key file, so that nodes agree although each has a file of its own. Only where it says
/// nothing, or of two the same, does the file's own active key count.
pub fn active_key<'a>(
    known: &'a [SecretKeyRecord],
    active_in_file: &[u8; 32],
) -> Option<&'a SecretKeyRecord> {
    let accepted = known.iter().filter(|key| key.is_accepted());
    accepted.max_by_key(|key| (key.activated_at, key.fingerprint == *active_in_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8, activated_at: Option<i64>, retired_at: Option<i64>) -> SecretKeyRecord {
        let (activated_at, retired_at) =
            (activated_at.map(Timestamp::from_millis), retired_at.map(Timestamp::from_millis));
        SecretKeyRecord { id: KeyId(number.into()), fingerprint: [number; 32], activated_at, retired_at }
    }

    #[test]
    fn the_key_that_was_made_active_last_derives_unless_it_is_retired() {
        for (known, in_file, expected) in [
            (vec![], 1, None),
            (vec![key(1, None, None)], 2, Some(1)),
            (vec![key(1, None, None), key(2, None, None)], 1, Some(1)),
            (vec![key(1, None, None), key(2, None, None)], 2, Some(2)),
            (vec![key(1, Some(5), None), key(2, None, None)], 2, Some(1)),
            (vec![key(1, Some(5), None), key(2, Some(6), None)], 1, Some(2)),
            (vec![key(1, Some(7), None), key(2, Some(6), None)], 2, Some(1)),
            (vec![key(1, Some(5), None), key(2, Some(6), Some(7))], 2, Some(1)),
            (vec![key(1, Some(5), Some(7))], 1, None),
        ] {
            let active = active_key(&known, &[in_file; 32]).map(|key| key.id.0);
            assert_eq!(active, expected, "{known:?}, and the file says {in_file}");
        }
    }
}
