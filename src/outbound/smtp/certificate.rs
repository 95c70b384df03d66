//! What a certificate says of itself: for whom it is, from when until when, and who issued it.

use std::net::IpAddr;

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use crate::outbound::text::for_people;

/// Names that are said; a certificate may have hundreds.
const MAX_NAMES: usize = 10;

/// A certificate in one line.
pub(super) fn describe(der: &[u8]) -> String {
    let Ok(certificate) = Certificate::from_der(der) else {
        return "a certificate that cannot be read".to_owned();
    };
    let parts = &certificate.tbs_certificate;
    let names = names(&certificate);
    let shown = if names.is_empty() { "no host at all".to_owned() } else { names.join(", ") };
    let (from, until) = (moment(&parts.validity.not_before), moment(&parts.validity.not_after));
    for_people(&format!("for {shown}; valid from {from} until {until}; issued by {}", parts.issuer))
}

fn names(certificate: &Certificate) -> Vec<String> {
    let listed = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(listed)))) = listed else { return Vec::new() };
    listed.iter().filter_map(name).take(MAX_NAMES).collect()
}

fn name(name: &GeneralName) -> Option<String> {
    if let GeneralName::DnsName(name) = name {
        return Some(name.as_str().to_owned());
    }
    let GeneralName::IpAddress(bytes) = name else { return None };
    let bytes = bytes.as_bytes();
    let address = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    address.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
}

fn moment(time: &Time) -> String {
    time.to_date_time().to_string()
}
