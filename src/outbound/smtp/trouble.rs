//! Why a mail did not go out: whether another try may help, what is kept of it, and what an operator should do.

use std::fmt;
use std::net::SocketAddr;

use rustls::{CertificateError, Error as TlsError};

use super::reply::Reply;
use crate::config::{Security, SmtpConfig};

/// Where a conversation was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Greeting,
    Hello,
    StartTls,
    Handshake,
    Auth,
    Reset,
    Mail,
    Rcpt,
    Data,
    Message,
    Quit,
}

/// Why a mail did not go out.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The host has no address, or the resolver does not answer.
    UnknownName(String),
    /// A name that should be this machine is another one.
    NotLoopback(SocketAddr),
    /// No connection to any address; of the last one why.
    Unreachable(SocketAddr, String),
    /// No answer to a connection for as long as is waited.
    ConnectTimeout(SocketAddr),
    /// No reply for as long as is waited.
    Silent(Stage),
    /// The connection ended.
    Closed(Stage, String),
    /// What came is no reply.
    NoReply(Stage),
    /// More came than was asked for: what is a reply to what cannot be told any more.
    Unasked(Stage),
    /// STARTTLS is not offered.
    NoStartTls,
    /// TLS failed.
    Tls(TlsError),
    /// Neither PLAIN nor LOGIN is offered; what is.
    NoLogin(String),
    /// The server said no.
    Refused(Stage, Reply),
    /// All together took too long.
    TooSlow,
}

impl Stage {
    /// What the transcript calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "TLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Message => "message",
            Self::Quit => "QUIT",
        }
    }

    /// Whether the mail itself may be refused here, and not the one who sends it.
    fn is_about_mail(self) -> bool {
        matches!(self, Self::Mail | Self::Rcpt | Self::Data | Self::Message)
    }
}

impl Trouble {
    /// Whether another try would come to the same.
    pub(super) fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(stage, reply) if stage.is_about_mail() && reply.is_permanent())
    }

    /// Whether the conversation can go on: the server said no, and waits for the next command.
    pub(super) fn is_in_step(&self) -> bool {
        matches!(self, Self::Refused(stage, reply) if stage.is_about_mail() && reply.code != 421 && reply.code >= 400)
    }

    /// Whether a kept connection was at its end, before any of a mail was sent: a fresh one may do.
    pub(super) fn is_stale_connection(&self) -> bool {
        let stage = match self {
            Self::Silent(stage) | Self::Closed(stage, _) | Self::NoReply(stage) | Self::Unasked(stage) => {
                stage
            }
            Self::Refused(stage, reply) if reply.code == 421 || *stage == Stage::Reset => stage,
            Self::UnknownName(_)
            | Self::NotLoopback(_)
            | Self::Unreachable(..)
            | Self::ConnectTimeout(_)
            | Self::NoStartTls
            | Self::Tls(_)
            | Self::NoLogin(_)
            | Self::Refused(..)
            | Self::TooSlow => return false,
        };
        matches!(stage, Stage::Reset | Stage::Mail | Stage::Rcpt | Stage::Data)
    }

    /// What an operator should know and do, in one sentence.
    pub(super) fn advice(&self, server: &SmtpConfig) -> String {
        let SmtpConfig { host, port, .. } = server;
        match self {
            Self::UnknownName(why) => {
                format!(
                    "the name {host} has no address ({why}): check the host in --smtp, and this machine's resolver"
                )
            }
            Self::NotLoopback(_) => {
                format!("{self}: use smtp:// or smtps://, or allow it with --smtp-allow-plain")
            }
            Self::Unreachable(..) => format!(
                "{self}: check host and port in --smtp, whether the mail server runs, and whether a firewall lets this machine \
                 out"
            ),
            Self::ConnectTimeout(_) => format!(
                "{self}: a firewall on the way may drop it (many networks do so for port 25: use 587 or 465), or the host in \
                 --smtp is another"
            ),
            Self::Silent(Stage::Greeting) => format!(
                "{self}: if this port speaks TLS at once, as 465 does, give smtps://{host}:{port}; else the server hangs"
            ),
            Self::NoStartTls => format!("{self}; {}", other_schemes(server)),
            Self::Tls(error) => tls_advice(error, server),
            Self::NoLogin(offered) if offered.is_empty() => format!(
                "{host} offers no AUTH here: leave out USER@ in --smtp if it lets this machine send without, or give the port \
                 for submission (587 or 465)"
            ),
            Self::NoLogin(_) => format!("{self}: allow one of the two at the server for this user"),
            Self::Refused(stage, reply) => refusal_advice(*stage, reply, server),
            Self::Unasked(Stage::Handshake) => {
                format!(
                    "{self}: somebody between may have put it in; nothing was sent, look into the network"
                )
            }
            Self::Closed(..) | Self::Silent(_) | Self::NoReply(_) | Self::Unasked(_) | Self::TooSlow => {
                format!("{self}: look into the log of {host}, and check that the port {port} is one for mail")
            }
        }
    }
}

/// What is kept as the last that came of a mail.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(why) => write!(f, "the name of the mail server has no address: {why}"),
            Self::NotLoopback(address) => {
                write!(
                    f,
                    "the name of the mail server is not this machine but {address}, where nothing goes unencrypted"
                )
            }
            Self::Unreachable(address, why) => write!(f, "no connection to {address}: {why}"),
            Self::ConnectTimeout(address) => write!(f, "no answer from {address} to a connection"),
            Self::Silent(Stage::Greeting) => f.write_str("no greeting came in time"),
            Self::Silent(stage) => write!(f, "no reply to {} came in time", stage.name()),
            Self::Closed(stage, why) => write!(f, "the connection ended at {}: {why}", stage.name()),
            Self::NoReply(stage) => write!(f, "what came at {} is no reply of a mail server", stage.name()),
            Self::Unasked(Stage::Handshake) => {
                f.write_str("more came unencrypted after the reply to STARTTLS")
            }
            Self::Unasked(stage) => write!(f, "a reply came before {} was sent", stage.name()),
            Self::NoStartTls => f.write_str("the server offers no STARTTLS, and nothing is sent without"),
            Self::Tls(error) => write!(f, "TLS failed: {error}"),
            Self::NoLogin(offered) => write!(f, "AUTH offers neither PLAIN nor LOGIN, but {offered:?}"),
            Self::Refused(_, reply) => f.write_str(&reply.text()),
            Self::TooSlow => f.write_str("the server was too slow"),
        }
    }
}

fn other_schemes(server: &SmtpConfig) -> String {
    let SmtpConfig { host, .. } = server;
    format!(
        "if it speaks TLS at once, give smtps://{host} (port 465); if it is on this machine, or in a network where nobody \
         listens, smtp+plain:// sends without encryption"
    )
}

fn tls_advice(error: &TlsError, server: &SmtpConfig) -> String {
    let SmtpConfig { host, port, security, .. } = server;
    #[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors grow in number")]
    let refused = match error {
        TlsError::InvalidCertificate(refused) => refused,
        TlsError::InvalidMessage(_) if *security == Security::Tls => {
            return format!(
                "what {host}:{port} says is no TLS: if it begins unencrypted, as on port 587, give smtp://{host}:{port}"
            );
        }
        TlsError::InvalidMessage(_) => {
            return format!(
                "what came after STARTTLS is no TLS: somebody between may have put it in, or {host} is broken; nothing was sent"
            );
        }
        _ => return format!("TLS with {host}:{port} failed ({error}): look into the log of the server"),
    };
    let what_to_do = "if it is the right one, give what it rests on with --smtp-ca FILE";
    #[expect(clippy::wildcard_enum_match_arm, reason = "a library's errors grow in number")]
    match refused {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!(
                "the certificate of {host} has expired: renew it there, or set this machine's clock right"
            )
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!(
                "the certificate of {host} is not valid yet: set this machine's clock right, or make another there"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "the certificate is not for {host}: give one of the hosts it is for in --smtp, or another certificate there"
            )
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("the certificate of {host} rests on no root that is known here: {what_to_do}")
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
            "the certificate of {host} is one of an authority (CA:TRUE), not of a server: make one with CA:FALSE there"
        ),
        other => format!("the certificate of {host} is refused ({other}): {what_to_do}"),
    }
}

fn refusal_advice(stage: Stage, reply: &Reply, server: &SmtpConfig) -> String {
    let SmtpConfig { host, port, security, .. } = server;
    let said = reply.text();
    let is_later = (400..500).contains(&reply.code);
    match stage {
        Stage::StartTls => format!(
            "{host} offers STARTTLS but refuses it ({said}): its certificate or key may be missing; look into its log"
        ),
        Stage::Auth if is_later => format!("{host} cannot check the password now ({said}): try again later"),
        Stage::Auth => format!(
            "{host} refuses USER or password ({said}): check USER in --smtp (percent-encoded) and the first line of \
             --smtp-password-file"
        ),
        Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Message if is_later => format!(
            "{host} puts the mail off ({said}): it may be greylisting or busy, and takes it later; doorkey's server tries again by \
             itself"
        ),
        Stage::Mail => format!(
            "{host} refuses the sender ({said}): let this user or machine send for the address in --mail-from, or give another"
        ),
        Stage::Rcpt => format!(
            "{host} refuses the recipient ({said}): the address may not be there, or the server passes no mail on for who has not \
             signed in (USER@ in --smtp)"
        ),
        Stage::Data | Stage::Message => {
            format!(
                "{host} refuses the mail itself ({said}): a filter may take it for spam, or the sender is not allowed"
            )
        }
        Stage::Hello if *security == Security::StartTls => {
            format!("{host}:{port} refuses EHLO ({said}), so there is no STARTTLS: {}", other_schemes(server))
        }
        Stage::Greeting | Stage::Hello | Stage::Handshake | Stage::Reset | Stage::Quit => {
            format!("{host}:{port} turns this machine away ({said}): allow it there, or try again later")
        }
    }
}
