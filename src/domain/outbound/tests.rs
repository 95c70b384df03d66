//! URLs that may be called and those that may not, as tables.

use super::*;

const PUBLIC: &str = "8.8.8.8";

/// The verdict on a URL whose name leads to these addresses; a literal leads to itself.
fn verdict(text: &str, addresses: &[&str], allowed: &str) -> Result<(), ForbiddenUrl> {
    let url = OutboundUrl::parse(text)?;
    let allow = OutboundAllow::parse(allowed).unwrap();
    let addresses: Vec<IpAddr> = match url.address() {
        Some(address) => vec![address],
        None => addresses.iter().map(|text| text.parse().unwrap()).collect(),
    };
    url.judge_text(&allow)?;
    url.judge(&addresses, &allow)
}

#[test]
fn https_on_its_two_ports_to_public_addresses_is_fine() {
    for text in [
        "https://hooks.example.com",
        "https://hooks.example.com/a?b=c",
        "HTTPS://Hooks.Example.COM:443/",
        "https://hooks.example.com.:8443/x",
        "https://xn--bcher-kva.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://a_b.example.com/%7Bx%7D/@",
    ] {
        assert_eq!(verdict(text, &[PUBLIC, "2606:4700::1111"], ""), Ok(()), "{text}");
    }
}

#[test]
fn a_url_is_kept_byte_for_byte_and_called_as_it_parses() {
    let url = OutboundUrl::parse("https://Hooks.Example.COM.:8443/a/../b?c=%7e").unwrap();

    assert_eq!(url.as_str(), "https://Hooks.Example.COM.:8443/a/../b?c=%7e");
    assert_eq!((url.host().as_str(), url.name()), ("hooks.example.com", "hooks.example.com."));
    assert_eq!((url.port(), &*url.authority(), &*url.target()), (8443, "hooks.example.com:8443", "/b?c=%7e"));
    let plain = OutboundUrl::parse("https://[2606:4700::1111]:443").unwrap();
    assert_eq!((&*plain.authority(), &*plain.target()), ("[2606:4700::1111]", "/"));
}

#[test]
fn what_the_text_must_not_have_is_refused_wherever_it_leads() {
    let allowed = "hooks.test,0.0.0.0/0,::/0";
    let long = format!("https://hooks.test/{}", "x".repeat(MAX_URL));
    for (text, why) in [
        (&*long, ForbiddenUrl::TooLong),
        ("https://hooks.test/ä", ForbiddenUrl::NotAscii),
        ("https://bücher.example/", ForbiddenUrl::NotAscii),
        ("https://１２７.0.0.1/", ForbiddenUrl::NotAscii),
        (" https://hooks.test/", ForbiddenUrl::NotAscii),
        ("https://hooks.test/a b", ForbiddenUrl::NotAscii),
        ("https://hooks.\ttest/", ForbiddenUrl::NotAscii),
        ("https://hooks.test/\r\nX: y", ForbiddenUrl::NotAscii),
        ("", ForbiddenUrl::Malformed),
        ("hooks.test", ForbiddenUrl::Malformed),
        ("//hooks.test", ForbiddenUrl::Malformed),
        ("https:hooks.test", ForbiddenUrl::Malformed),
        ("https:/hooks.test", ForbiddenUrl::Malformed),
        ("https:///hooks.test", ForbiddenUrl::Malformed),
        ("https://", ForbiddenUrl::Malformed),
        ("https://hooks.test:0/", ForbiddenUrl::Malformed),
        ("https://hooks.test:99999/", ForbiddenUrl::Malformed),
        ("https://1.2.3.4.5/", ForbiddenUrl::Malformed),
        ("https://[::1/", ForbiddenUrl::Malformed),
        ("https://a..b/", ForbiddenUrl::Malformed),
        ("https://hooks.test\\@evil.test/", ForbiddenUrl::Malformed),
        ("ftp://hooks.test/", ForbiddenUrl::Malformed),
        ("file:///etc/passwd", ForbiddenUrl::Malformed),
        ("gopher://hooks.test/", ForbiddenUrl::Malformed),
        ("https://a@hooks.test/", ForbiddenUrl::UserInfo),
        ("https://a:b@hooks.test/", ForbiddenUrl::UserInfo),
        ("https://@hooks.test/", ForbiddenUrl::UserInfo),
        ("https://hooks.test@evil.test/", ForbiddenUrl::UserInfo),
        ("https://hooks.test/#x", ForbiddenUrl::Fragment),
        ("https://hooks.test/#", ForbiddenUrl::Fragment),
    ] {
        assert_eq!(verdict(text, &["127.0.0.1"], allowed), Err(why), "{text}");
    }
}

#[test]
fn http_and_other_ports_are_for_what_is_allowed() {
    for (text, why) in [
        ("http://hooks.test/", ForbiddenUrl::NotHttps),
        ("http://hooks.test:443/", ForbiddenUrl::NotHttps),
        ("https://hooks.test:8444/", ForbiddenUrl::Port(8444)),
        ("https://hooks.test:80/", ForbiddenUrl::Port(80)),
        ("https://hooks.test:22", ForbiddenUrl::Port(22)),
    ] {
        assert_eq!(verdict(text, &[PUBLIC], ""), Err(why.clone()), "{text}");
        assert_eq!(verdict(text, &[PUBLIC], "hooks.test"), Ok(()), "{text}");
        assert_eq!(verdict(text, &[PUBLIC], "8.8.8.8"), Ok(()), "{text}");
        assert_eq!(verdict(text, &[PUBLIC], "9.9.9.9,test,a.hooks.test"), Err(why), "{text}");
    }
}

#[test]
fn an_address_is_not_public_in_whatever_spelling() {
    for text in [
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://%31%32%37.0.0.1/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://0/",
        "https://169.254.169.254/latest/meta-data/",
    ] {
        let found = verdict(text, &[], "");
        assert!(matches!(found, Err(ForbiddenUrl::NotPublic { .. })), "{text}: {found:?}");
    }
}

#[test]
fn one_address_that_is_not_public_forbids_the_name() {
    let not_public = |address: &str| {
        Err(ForbiddenUrl::NotPublic { host: "hooks.test".to_owned(), address: address.parse().unwrap() })
    };
    let text = "https://hooks.test/";

    assert_eq!(verdict(text, &[PUBLIC, "10.0.0.1"], ""), not_public("10.0.0.1"));
    assert_eq!(verdict(text, &[PUBLIC, "::ffff:10.0.0.1"], ""), not_public("10.0.0.1"));
    assert_eq!(verdict(text, &[PUBLIC, "10.0.0.1"], "10.0.0.0/8"), not_public("10.0.0.1"));
    assert_eq!(verdict(text, &["10.0.0.1", "192.168.0.1"], "10.0.0.0/8"), not_public("10.0.0.1"));
    assert_eq!(verdict(text, &["10.0.0.1", "10.0.0.2"], "10.0.0.0/8"), Ok(()));
    assert_eq!(verdict(text, &[PUBLIC, "10.0.0.1"], "10.0.0.0/8,8.8.8.8"), Ok(()));
    assert_eq!(verdict(text, &[PUBLIC, "10.0.0.1"], "HOOKS.test."), Ok(()));
}

#[test]
fn why_a_url_is_not_called_is_said_with_what_to_do() {
    let said = |text: &str| verdict(text, &["10.0.0.1"], "").unwrap_err().to_string();

    assert_eq!(
        said("https://hooks.test/"),
        "hooks.test leads to 10.0.0.1, which is not public: such an address is for what the server allows with --outbound-allow"
    );
    assert_eq!(
        said("https://[0:0::1]/"),
        "[::1] is not public: such an address is for what the server allows with --outbound-allow"
    );
    assert!(said("http://10.0.0.1/").contains("must be https"));
}
