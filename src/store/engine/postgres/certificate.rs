//! What a certificate says, whichever version of X.509 it is of: the library that judges chains reads version 3 alone.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::UnixTime;
use rustls::{DigitallySignedStruct, SignatureScheme};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// `id-at-commonName`.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// The parts of a certificate that are looked at here.
pub(super) struct Certificate<'a> {
    /// 1 or 3; 2 is hardly ever seen.
    pub(super) version: u8,
    /// From when, and until when, as digits that can be compared.
    times: (String, String),
    /// The common name of its subject.
    pub(super) common_name: Option<&'a str>,
    /// How its key is used, and the key.
    algorithm: &'a [u8],
    key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads one. None if it is not built as a certificate is.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = take(der, SEQUENCE)?;
        let (mut rest, _) = take(whole, SEQUENCE)?;
        let mut version = 1;
        if let Some((inner, behind)) = take(rest, VERSION) {
            let (number, _) = take(inner, INTEGER)?;
            version = number.first()?.checked_add(1)?;
            rest = behind;
        }
        let (_serial, rest) = take(rest, INTEGER)?;
        let (_signed_by, rest) = take(rest, SEQUENCE)?;
        let (_issuer, rest) = take(rest, SEQUENCE)?;
        let (times, rest) = take(rest, SEQUENCE)?;
        let (from, until) = take_time(times)?;
        let (subject, rest) = take(rest, SEQUENCE)?;
        let (public_key, _) = take(rest, SEQUENCE)?;
        let (algorithm, key) = take(public_key, SEQUENCE)?;
        let (key, _) = take(key, BIT_STRING)?;
        // The first byte says how many bits at the end are none: a key is whole bytes.
        let key = key.strip_prefix(&[0])?;
        let times = (from, take_time(until)?.0);
        Some(Self { version, times, common_name: common_name_in(subject), algorithm, key })
    }

    /// Whether it counts now.
    pub(super) fn is_in_time(&self, now: UnixTime) -> bool {
        let now = i64::try_from(now.as_secs()).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
        let now = now.map(|now| now.strftime("%Y%m%d%H%M%S").to_string());
        now.is_some_and(|now| (&*self.times.0..=&*self.times.1).contains(&&*now))
    }

    /// Whether whoever sent it holds its key, by a signature over the handshake.
    pub(super) fn has_signed(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        known: &WebPkiSupportedAlgorithms,
    ) -> bool {
        let of_scheme = |(scheme, _): &&(SignatureScheme, _)| *scheme == signed.scheme;
        let algorithms = known.mapping.iter().filter(of_scheme).flat_map(|(_, algorithms)| *algorithms);
        let mut fitting = algorithms.filter(|one| one.public_key_alg_id().as_ref() == self.algorithm);
        fitting.any(|one| one.verify_signature(self.key, message, signed.signature()).is_ok())
    }
}

/// The contents of an element, which must be of a kind, and what follows it.
fn take(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = der else { return None };
    if *found != kind {
        return None;
    }
    let (length, rest) = match *length {
        length @ ..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        // No certificate is that long.
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A moment as fourteen digits, and what follows it.
fn take_time(der: &[u8]) -> Option<(String, &[u8])> {
    let text = |bytes| std::str::from_utf8(bytes).ok()?.strip_suffix('Z');
    if let Some((time, rest)) = take(der, GENERALIZED_TIME) {
        return Some((text(time)?.to_owned(), rest));
    }
    let (time, rest) = take(der, UTC_TIME)?;
    let time = text(time)?;
    // RFC 5280, section 4.1.2.5.1.
    let century = if time < "50" { "20" } else { "19" };
    Some((format!("{century}{time}"), rest))
}

fn common_name_in(mut subject: &[u8]) -> Option<&str> {
    while let Some((names, rest)) = take(subject, SET) {
        subject = rest;
        let (pair, _) = take(names, SEQUENCE)?;
        let (kind, value) = take(pair, OBJECT_ID)?;
        if kind == COMMON_NAME {
            let (value, _) = take(value, *value.first()?)?;
            return std::str::from_utf8(value).ok();
        }
    }
    None
}
