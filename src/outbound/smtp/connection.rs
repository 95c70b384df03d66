//! A conversation with a mail server: greeting, STARTTLS, AUTH, then mails, one transaction each.

use std::future::Future;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::connect::connect;
use super::endpoint::{Encryption, Endpoint, Login};
use super::reply::Reply;
use super::transcript::Transcript;
use super::trouble::{Stage, Trouble};
use super::wire::Wire;
use crate::domain::host::HostName;
use crate::domain::mail::Message;
use crate::outbound::mime;

/// The longest command line (RFC 5321, section 4.5.3.1.4), without its end.
const MAX_COMMAND: usize = 510;

/// A connection over which mails can be sent.
pub(super) struct Connection {
    wire: Wire,
    extensions: Extensions,
    /// Mails that went over it.
    pub(super) mails: u32,
    /// Whether a transaction was begun and not finished.
    is_dirty: bool,
    /// Whether another mail can go over it.
    pub(super) is_reusable: bool,
}

/// What a server said it can do (RFC 5321, section 4.1.1.1).
#[derive(Default)]
struct Extensions {
    has_start_tls: bool,
    has_eight_bit: bool,
    /// Ways to sign in, in capitals.
    logins: Vec<String>,
}

impl Connection {
    /// Connects, encrypts and signs in, as the settings say. Nothing but EHLO and STARTTLS is said before that.
    pub(super) async fn open(endpoint: &Endpoint, transcript: &Transcript) -> Result<Self, Trouble> {
        let stream = connect(endpoint, transcript).await?;
        let host = &endpoint.config.host;
        let mut wire = Wire::new(stream, endpoint.timeouts.reply, transcript.clone());
        if let Encryption::AtOnce(tls) = &endpoint.encryption {
            wire = wire.encrypt(tls, host).await?;
        }
        let greeting = wire.read_reply(Stage::Greeting).await?;
        transcript.note(Stage::Greeting.name(), None, || greeting.text());
        expect(Stage::Greeting, greeting)?;
        let mut extensions = hello(&mut wire).await?;
        if let Encryption::StartTls(tls) = &endpoint.encryption {
            if !extensions.has_start_tls {
                return Err(Trouble::NoStartTls);
            }
            let reply = wire.command(Stage::StartTls, "STARTTLS").await?;
            expect(Stage::StartTls, reply)?;
            wire = wire.encrypt(tls, host).await?;
            // What was said before counts no more.
            extensions = hello(&mut wire).await?;
        }
        if let Some(login) = &endpoint.login {
            sign_in(&mut wire, &extensions, login).await?;
        }
        Ok(Self { wire, extensions, mails: 0, is_dirty: false, is_reusable: true })
    }

    /// Sends a mail, and gives the server's last reply once it took the mail; nothing, if the mail is not wanted any more once the server
    /// is ready for it.
    pub(super) async fn deliver<F: Future<Output = bool> + Send>(
        &mut self,
        message: &Message,
        is_wanted: impl Fn() -> F,
    ) -> Result<Option<String>, Trouble> {
        if self.is_dirty {
            let reply = self.wire.command(Stage::Reset, "RSET").await?;
            expect(Stage::Reset, reply)?;
        }
        self.is_dirty = true;
        let mail = mime::render(message, self.extensions.has_eight_bit);
        let body = if mail.is_eight_bit { " BODY=8BITMIME" } else { "" };
        let sender = format!("MAIL FROM:<{}>{body}", message.from.as_str());
        let recipient = format!("RCPT TO:<{}>", message.to.as_str());
        for (stage, command) in [(Stage::Mail, sender), (Stage::Rcpt, recipient)] {
            let reply = self.wire.command(stage, &command).await?;
            expect(stage, reply)?;
        }
        // A server may take long over each reply, and much may have happened meanwhile.
        if !is_wanted().await {
            return Ok(None);
        }
        let reply = self.wire.command(Stage::Data, "DATA").await?;
        if reply.code != 354 {
            return Err(Trouble::Refused(Stage::Data, reply));
        }
        if !is_wanted().await {
            // Nothing but the end of the connection takes DATA back.
            self.is_reusable = false;
            return Ok(None);
        }
        let reply = self.wire.exchange(Stage::Message, &with_its_end(&mail.bytes)).await?;
        let length = mail.bytes.len();
        self.wire.transcript.note(Stage::Message.name(), Some(&format!("{length} bytes")), || reply.text());
        let text = reply.text();
        expect(Stage::Message, reply)?;
        self.is_dirty = false;
        self.mails += 1;
        Ok(Some(text))
    }

    /// Says goodbye. Nothing hangs on the reply.
    pub(super) async fn quit(mut self) {
        let _ = self.wire.command(Stage::Quit, "QUIT").await;
    }
}

fn expect(stage: Stage, reply: Reply) -> Result<(), Trouble> {
    if reply.is_positive() { Ok(()) } else { Err(Trouble::Refused(stage, reply)) }
}

async fn hello(wire: &mut Wire) -> Result<Extensions, Trouble> {
    let command = format!("EHLO {}", own_name(wire.local_address().map(|address| address.ip())));
    let reply = wire.command(Stage::Hello, &command).await?;
    let extensions = Extensions::of(&reply.lines);
    expect(Stage::Hello, reply)?;
    Ok(extensions)
}

impl Extensions {
    /// The first line is the server's name.
    fn of(lines: &[String]) -> Self {
        let mut extensions = Self::default();
        for line in lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // `AUTH=` is how some say it still.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => extensions.has_start_tls = true,
                Some("8BITMIME") => extensions.has_eight_bit = true,
                Some("AUTH") => extensions.logins.extend(words.map(str::to_owned)),
                Some(_) | None => {}
            }
        }
        extensions
    }
}

/// The name of this machine if it is a whole one, else its address (RFC 5321, section 4.1.3).
fn own_name(address: Option<IpAddr>) -> String {
    let named = rustix::system::uname().nodename().to_str().map(str::to_owned);
    let whole = named.ok().filter(|name| name.contains('.') && !name.contains('_'));
    match (whole.and_then(|name| HostName::parse(&name).ok()), address) {
        (Some(name), _) => name.as_str().to_owned(),
        (None, Some(IpAddr::V4(address))) => format!("[{address}]"),
        (None, Some(IpAddr::V6(address))) => format!("[IPv6:{address}]"),
        (None, None) => "localhost".to_owned(),
    }
}

/// PLAIN if it is offered (RFC 4616), else LOGIN.
async fn sign_in(wire: &mut Wire, extensions: &Extensions, login: &Login) -> Result<(), Trouble> {
    let Login { user, password } = login;
    let encoded = |text: &str| Zeroizing::new(STANDARD.encode(text));
    let offers = |way: &str| extensions.logins.iter().any(|offered| offered == way);
    let (first, answers) = if offers("PLAIN") {
        ("AUTH PLAIN", vec![encoded(&Zeroizing::new(format!("\0{user}\0{}", **password)))])
    } else if offers("LOGIN") {
        ("AUTH LOGIN", vec![encoded(user), encoded(password)])
    } else {
        return Err(Trouble::NoLogin(extensions.logins.join(" ")));
    };
    let secrets: Vec<&str> = answers.iter().map(|answer| &***answer).chain([&***password]).collect();
    // PLAIN goes with the command, where that is not too long for it.
    let whole = Zeroizing::new(format!("{first} {}", *answers[0]));
    let goes_along = first == "AUTH PLAIN" && whole.len() <= MAX_COMMAND;
    let command = if goes_along { &**whole } else { first };
    let mut sent = Zeroizing::new(format!("{command}\r\n"));
    let mut rest = answers.iter().skip(usize::from(goes_along));
    loop {
        let reply = without(wire.exchange(Stage::Auth, sent.as_bytes()).await?, &secrets);
        wire.transcript.note(Stage::Auth.name(), Some(&format!("{first} …")), || reply.text());
        match (reply.code, rest.next()) {
            (334, Some(answer)) => sent = Zeroizing::new(format!("{}\r\n", **answer)),
            (code, _) if (200..300).contains(&code) => return Ok(()),
            (_, _) => return Err(Trouble::Refused(Stage::Auth, reply)),
        }
    }
}

/// A reply that does not say the password back to whoever reads transcripts and logs.
fn without(mut reply: Reply, secrets: &[&str]) -> Reply {
    for line in &mut reply.lines {
        for secret in secrets.iter().filter(|secret| line.contains(**secret)).collect::<Vec<_>>() {
            *line = line.replace(*secret, "…");
        }
    }
    reply
}

/// A mail as it follows DATA: a dot more where a line begins with one, and the line that ends it (RFC 5321, section 4.5.2).
fn with_its_end(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 64 + 3);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_doubled_and_a_lone_one_ends_the_mail() {
        assert_eq!(with_its_end(b".\r\na.b\r\n..c\r\n"), b"..\r\na.b\r\n...c\r\n.\r\n");
    }

    #[test]
    fn what_a_server_can_do_is_read_whatever_its_case() {
        let lines = ["STARTTLS", "starttls", "8bitmime", "AUTH=LOGIN", "auth plain  cram-md5"];
        let extensions = Extensions::of(&lines.map(str::to_owned));

        assert!(extensions.has_start_tls && extensions.has_eight_bit);
        assert_eq!(extensions.logins, ["LOGIN", "PLAIN", "CRAM-MD5"]);
        assert!(!Extensions::of(&["STARTTLS".to_owned()]).has_start_tls, "the name is no extension");
    }
}
