//! Signing keys: pairs are made, their private halves encrypted, and tokens signed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{InvalidSeal, Keyring, SecretKey, is_same, mac};
use crate::domain::oidc::app::SigningAlgorithm;
use crate::domain::oidc::signing_key::SigningKey;

/// A key cannot be made, or does not sign.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the cryptographic library refused a signing key")]
pub struct SigningFailed;

impl From<aws_lc_rs::error::Unspecified> for SigningFailed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

impl From<aws_lc_rs::error::KeyRejected> for SigningFailed {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Self
    }
}

/// A pair that signs. Reading one anew takes half as long as a signature, so pairs are kept once they are read.
#[derive(Debug)]
pub enum KeyPair {
    /// RSA with 2,048 bits.
    Rsa(RsaKeyPair),
    /// A point of P-256.
    Ecdsa(EcdsaKeyPair),
}

impl KeyPair {
    /// A fresh pair. With RSA it takes some hundred milliseconds.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, SigningFailed> {
        match algorithm {
            SigningAlgorithm::Rs256 => Ok(Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?)),
            SigningAlgorithm::Es256 => {
                Ok(Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?))
            }
        }
    }

    /// Signs bytes, as a JSON Web Signature has it (RFC 7518, sections 3.3 and 3.4).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
        }
    }

    /// Its thumbprint (RFC 7638), and its public half as a JSON Web Key of that name.
    pub fn public_half(&self) -> Result<(String, String), SigningFailed> {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (mut key, algorithm) = match self {
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let key = json!({ "e": base64(&public.e), "kty": "RSA", "n": base64(&public.n) });
                (key, SigningAlgorithm::Rs256)
            }
            Self::Ecdsa(pair) => {
                // An uncompressed point: a byte that says so, and two numbers of 32 bytes.
                let point = pair.public_key().as_ref();
                let (x, y) = (point.get(1..33), point.get(33..65));
                let (x, y) = x.zip(y).ok_or(SigningFailed)?;
                let key = json!({ "crv": "P-256", "kty": "EC", "x": base64(x), "y": base64(y) });
                (key, SigningAlgorithm::Es256)
            }
        };
        // So far it has the members that a thumbprint is of, in the order of their names and without spaces.
        let kid = base64(&Sha256::digest(key.to_string()));
        key["alg"] = algorithm.name().into();
        key["kid"] = kid.as_str().into();
        key["use"] = "sig".into();
        Ok((kid, key.to_string()))
    }

    fn private_half(&self) -> Result<Zeroizing<Vec<u8>>, SigningFailed> {
        let document = match self {
            Self::Rsa(pair) => pair.as_der()?.as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(document))
    }
}

impl Keyring {
    /// A signing key to be kept, with its private half: that is encrypted here; key and seal are set.
    pub fn seal_new_signing_key(&self, row: SigningKey, pair: &KeyPair) -> Result<SigningKey, SigningFailed> {
        self.active().encrypted(row, pair.private_half()?)
    }

    /// A signing key as it is kept under the active secret key, its private half encrypted anew.
    ///
    /// # Errors
    /// `InvalidSeal` if the row is not as this server wrote it, or its secret key is not in the key file.
    pub fn move_signing_key(&self, row: &SigningKey) -> Result<SigningKey, InvalidSeal> {
        let active = self.active();
        let private = self.decrypted(row)?;
        match private {
            Some(private) => active.encrypted(row.clone(), private).map_err(|_| InvalidSeal),
            None => Ok(active.sealed(SigningKey { key: active.id, ..row.clone() })),
        }
    }

    /// A signing key with a fresh seal, by its own secret key.
    ///
    /// # Errors
    /// `InvalidSeal` if that key is not in the key file.
    pub fn reseal_signing_key(&self, row: SigningKey) -> Result<SigningKey, InvalidSeal> {
        Ok(self.find(row.key)?.sealed(row))
    }

    /// Whether a signing key's row is as this server wrote it.
    pub fn is_genuine_signing_key(&self, row: &SigningKey) -> bool {
        self.find(row.key).is_ok_and(|key| is_same(&mac(&key.seal, &row.canonical()), &row.seal))
    }

    /// The pair of a signing key that is not retired.
    ///
    /// # Errors
    /// `InvalidSeal` if the row is not as this server wrote it, has no private half, or its secret key is not in the key file.
    pub fn open_signing_key(&self, row: &SigningKey) -> Result<KeyPair, InvalidSeal> {
        let private = self.decrypted(row)?.ok_or(InvalidSeal)?;
        let pair = match row.algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(&private).map(KeyPair::Rsa),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).map(KeyPair::Ecdsa)
            }
        };
        pair.map_err(|_| InvalidSeal)
    }

    fn decrypted(&self, row: &SigningKey) -> Result<Option<Zeroizing<Vec<u8>>>, InvalidSeal> {
        if !self.is_genuine_signing_key(row) {
            return Err(InvalidSeal);
        }
        let Some(encrypted) = &row.private_key else { return Ok(None) };
        let key = self.find(row.key)?;
        let opened = key.decrypt(row.encrypted_beside().as_bytes(), encrypted);
        opened.map(Some).map_err(|_| InvalidSeal)
    }
}

impl SecretKey {
    fn sealed(&self, row: SigningKey) -> SigningKey {
        SigningKey { seal: mac(&self.seal, &row.canonical()), ..row }
    }

    fn encrypted(&self, row: SigningKey, private: Zeroizing<Vec<u8>>) -> Result<SigningKey, SigningFailed> {
        let encrypted = self.encrypt(row.encrypted_beside().as_bytes(), private)?;
        Ok(self.sealed(SigningKey { private_key: Some(encrypted), key: self.id, ..row }))
    }

    /// Encrypts something beside what it belongs to: a random nonce, and what AES-256-GCM makes of it.
    fn encrypt(&self, beside: &[u8], secret: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, SigningFailed> {
        let mut secret = secret;
        let nonce = self.cipher()?.seal_in_place_append_tag(Aad::from(beside), &mut *secret)?;
        Ok([nonce.as_ref(), secret.as_slice()].concat())
    }

    fn decrypt(&self, beside: &[u8], encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, SigningFailed> {
        let (nonce, rest) = encrypted.split_at_checked(NONCE_LEN).ok_or(SigningFailed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let length = self.cipher()?.open_in_place(nonce, Aad::from(beside), &mut rest)?.len();
        rest.truncate(length);
        Ok(rest)
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, SigningFailed> {
        Ok(RandomizedNonceKey::new(&AES_256_GCM, self.encrypt.as_slice())?)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::{Jwk, ThumbprintHash};

    use super::super::tests::ring;
    use super::*;
    use crate::domain::login_link::KeyId;
    use crate::domain::oidc::signing_key::SigningKeyState;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::workspace::WorkspaceId;

    fn row(pair: &KeyPair, algorithm: SigningAlgorithm) -> SigningKey {
        let (kid, public_key) = pair.public_half().unwrap();
        SigningKey {
            workspace: WorkspaceId(1),
            kid,
            algorithm,
            state: SigningKeyState::Signing,
            public_key,
            private_key: None,
            key: KeyId(0),
            created_at: Timestamp::from_millis(1),
            activated_at: None,
            retired_at: None,
            seal: [0; 32],
        }
    }

    #[test]
    fn a_key_is_called_by_its_thumbprint_as_another_library_reckons_it() {
        for algorithm in SigningAlgorithm::ALL {
            let (kid, public) = KeyPair::generate(algorithm).unwrap().public_half().unwrap();
            let jwk: Jwk = serde_json::from_str(&public).unwrap();

            assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256), kid, "{public}");
            assert_eq!(jwk.common.key_id.as_ref(), Some(&kid));
            assert!(jwk.is_supported());
        }
    }

    #[test]
    fn a_private_half_opens_only_beside_its_own_public_half_and_by_its_own_secret_key() {
        let (keys, moved_to) = (ring(&[1]), ring(&[2, 1]));
        let pair = KeyPair::generate(SigningAlgorithm::Es256).unwrap();
        let other = KeyPair::generate(SigningAlgorithm::Es256).unwrap();
        let kept = keys.seal_new_signing_key(row(&pair, SigningAlgorithm::Es256), &pair).unwrap();
        let foreign = keys.seal_new_signing_key(row(&other, SigningAlgorithm::Es256), &other).unwrap();

        assert_eq!(keys.open_signing_key(&kept).unwrap().public_half(), pair.public_half());
        assert_eq!(ring(&[2]).open_signing_key(&kept).map(drop), Err(InvalidSeal));
        let moved = moved_to.move_signing_key(&kept).unwrap();
        assert_eq!(ring(&[2]).open_signing_key(&moved).unwrap().public_half(), pair.public_half());
        // Sealed by whoever has the key, and yet not the private half of this public one.
        let swapped = SigningKey { private_key: foreign.private_key.clone(), ..kept.clone() };
        let swapped = keys.reseal_signing_key(swapped).unwrap();
        assert!(keys.is_genuine_signing_key(&swapped));
        assert_eq!(keys.open_signing_key(&swapped).map(drop), Err(InvalidSeal));
        for edited in [
            SigningKey { public_key: foreign.public_key, ..kept.clone() },
            SigningKey { workspace: WorkspaceId(2), ..kept.clone() },
            SigningKey { state: SigningKeyState::Next, ..kept.clone() },
            SigningKey { private_key: foreign.private_key, ..kept },
        ] {
            assert_eq!(keys.open_signing_key(&edited).map(drop), Err(InvalidSeal), "{edited:?}");
        }
    }
}
