//! Where a database is, as an operator writes it.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::config::{Config, SslMode, TargetSessionAttrs};

use super::OpenError;
use super::engine::sqlite::{FileState, state_of};

/// Where a database is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// One or several PostgreSQL servers.
    Postgres(PostgresUrl),
}

/// PostgreSQL servers that hold one database, and how they prove who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostgresUrl {
    /// The servers, in the order in which they are tried. The password hides in `Debug`.
    pub(super) servers: Vec<Config>,
    pub(super) proof: TlsVerification,
    /// The certificates that a server's own must rest on.
    pub(super) root_certificate: Option<PathBuf>,
    /// What is said of it in messages: no password.
    shown: String,
}

/// What a server must prove over TLS before anything is sent to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TlsVerification {
    /// Nothing, and encrypted if it can; but with a root certificate everything, since nothing else was asked for.
    AsTheRootSays,
    /// Nothing; whether the connection is encrypted is up to `sslmode`.
    Nothing,
    /// That it has a certificate of the root's.
    Chain,
    /// That it has a certificate of the root's for the host that was asked for.
    ChainAndName,
}

impl DatabaseUrl {
    /// Takes `sqlite://PATH`, relative or absolute, or `postgres://USER:PASSWORD@HOST:PORT,…/NAME?…`.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let scheme = |scheme: &str| text.strip_prefix(scheme).filter(|rest| !rest.is_empty());
        let parsed = if let Some(path) = scheme("sqlite://") {
            // SQLite would take these for a database in memory or for a URL.
            if let Some(start) = [":", "file:"].into_iter().find(|start| path.starts_with(start)) {
                return Err(OpenError::NotAFile(start));
            }
            Some(path).filter(|path| !path.contains('?')).map(|path| Self::Sqlite(path.into()))
        } else {
            let rest = scheme("postgres://").or_else(|| scheme("postgresql://"));
            rest.and_then(PostgresUrl::parse).map(Self::Postgres)
        };
        parsed.ok_or_else(|| OpenError::UnknownUrl(scheme_of(text)))
    }

    /// The same database, whose servers must have a certificate that rests on those in a file, unless the URL says
    /// otherwise. An embedded one has no server.
    #[must_use]
    pub fn with_root_certificate(mut self, file: Option<PathBuf>) -> Self {
        if let (Self::Postgres(url), Some(file)) = (&mut self, file) {
            url.rest_on(file);
        }
        self
    }

    /// Whether there is a database already. A server's is made by its administrator, so it always counts as there.
    pub fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) => state_of(path) == FileState::Filled,
            Self::Postgres(_) => true,
        }
    }

    /// The file of an embedded database.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    /// The path, or the URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => f.write_str(&url.shown),
        }
    }
}

impl PostgresUrl {
    /// Takes what follows `postgres://`.
    fn parse(text: &str) -> Option<Self> {
        // One that stands behind these belongs to a password with a / or ? in it, which would be shown as something else.
        if text.split_once(['/', '?']).is_some_and(|(_, rest)| rest.contains('@')) {
            return None;
        }
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (authority, name) = place.split_once('/').unwrap_or((place, ""));
        let (person, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let value = |wanted: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == wanted).map(|(_, value)| value)
        };
        let (ssl_mode, proof) = match value("sslmode") {
            Some("disable") => (SslMode::Disable, TlsVerification::Nothing),
            Some("prefer") => (SslMode::Prefer, TlsVerification::Nothing),
            Some("require") => (SslMode::Require, TlsVerification::Nothing),
            Some("verify-ca") => (SslMode::Require, TlsVerification::Chain),
            Some("verify-full") => (SslMode::Require, TlsVerification::ChainAndName),
            None => (SslMode::Prefer, TlsVerification::AsTheRootSays),
            Some(_) => return None,
        };
        // Whatever is asked for: doorkey writes, and a server that does not let it is of no use.
        if !matches!(value("target_session_attrs"), None | Some("any" | "read-write")) {
            return None;
        }
        let ours = |pair: &&str| !pair.starts_with("sslmode=") && !pair.starts_with("target_session_attrs=");
        let query: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).filter(ours).collect();
        let server = |host: &str| {
            let url = format!("postgres://{person}@{host}/{name}?{}", query.join("&"));
            let mut config = url.parse::<Config>().ok()?;
            config.ssl_mode(ssl_mode).target_session_attrs(TargetSessionAttrs::ReadWrite);
            (!config.get_hosts().is_empty()).then_some(config)
        };
        let servers = hosts.split(',').map(server).collect::<Option<_>>()?;
        let person = person.split(':').next().filter(|person| !person.is_empty());
        let shown =
            format!("postgres://{}{hosts}/{name}", person.map_or_else(String::new, |p| format!("{p}@")));
        Some(Self { servers, proof, root_certificate: None, shown })
    }

    /// Whoever names a root certificate wants a proof: of the whole, or of what the URL asks for.
    fn rest_on(&mut self, file: PathBuf) {
        self.root_certificate = Some(file);
        let is_encrypted = |server: &Config| server.get_ssl_mode() == SslMode::Require;
        self.proof = match self.proof {
            TlsVerification::AsTheRootSays => TlsVerification::ChainAndName,
            TlsVerification::Nothing if self.servers.iter().all(is_encrypted) => TlsVerification::Chain,
            proof @ (TlsVerification::Nothing | TlsVerification::Chain | TlsVerification::ChainAndName) => {
                proof
            }
        };
        if self.proof == TlsVerification::ChainAndName {
            for server in &mut self.servers {
                server.ssl_mode(SslMode::Require);
            }
        }
    }
}

/// What an error may say of a text that is not understood: nobody knows where in it a password stands.
fn scheme_of(text: &str) -> &'static str {
    let schemes = ["sqlite://", "postgres://", "postgresql://"];
    schemes.into_iter().find(|scheme| text.starts_with(scheme)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(text: &str) -> PostgresUrl {
        match DatabaseUrl::parse(text).unwrap() {
            DatabaseUrl::Postgres(url) => url,
            DatabaseUrl::Sqlite(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn an_embedded_database_is_named_by_its_path() {
        let path = |text| DatabaseUrl::parse(text).unwrap().path().map(Path::to_owned);
        assert_eq!(path("sqlite://doorkey.db"), Some(PathBuf::from("doorkey.db")));
        assert_eq!(path("sqlite:///var/x.db"), Some(PathBuf::from("/var/x.db")));
        for text in ["", "doorkey.db", "sqlite://", "sqlite:doorkey.db", "mysql://x", "sqlite://x?mode=ro"] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_no_file_to_sqlite_is_refused_by_its_beginning() {
        for (text, said) in [
            ("sqlite://:memory:", "sqlite://:…"),
            ("sqlite://:", "sqlite://:…"),
            ("sqlite://file:zz.db", "sqlite://file:…"),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(said) && error.contains("sqlite://./"), "{error}");
        }
        for text in ["sqlite://./:memory:", "sqlite:///file:x.db", "sqlite://file.db"] {
            assert!(DatabaseUrl::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_server_is_named_by_a_url_and_so_are_several() {
        let url = postgres("postgresql://me:secret@db:5433/doorkey?sslmode=require&connect_timeout=1");
        assert_eq!(url.servers[0].get_ports(), [5433]);
        assert_eq!(url.servers[0].get_ssl_mode(), SslMode::Require);
        assert_eq!(url.servers[0].get_dbname(), Some("doorkey"));

        let url =
            postgres("postgres://me@[::1]:1,b:2,c/x?target_session_attrs=read-write&sslmode=verify-full");
        assert_eq!(url.servers.len(), 3);
        assert_eq!((url.servers[0].get_ports(), url.servers[1].get_ports()), (&[1][..], &[2][..]));
        assert!(url.servers.iter().all(|server| server.get_hosts().len() == 1));
        assert_eq!(url.proof, TlsVerification::ChainAndName);

        let url = postgres("postgres:///x?host=/run/postgresql");
        assert!(matches!(&url.servers[0].get_hosts()[0], tokio_postgres::config::Host::Unix(_)));
        for text in [
            "postgres://",
            "postgres:///x",
            "postgres://a,/x",
            "postgres://a:b:c/x",
            "postgres://a/x?sslmode=maybe",
            "postgres://a/x?target_session_attrs=read-only",
            "postgres://a/x?colour=red",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_root_certificate_asks_for_a_proof_wherever_the_connection_must_be_encrypted() {
        for (mode, proof) in [
            ("", TlsVerification::ChainAndName),
            ("?sslmode=disable", TlsVerification::Nothing),
            ("?sslmode=prefer", TlsVerification::Nothing),
            ("?sslmode=require", TlsVerification::Chain),
            ("?sslmode=verify-ca", TlsVerification::Chain),
            ("?sslmode=verify-full", TlsVerification::ChainAndName),
        ] {
            let url = DatabaseUrl::parse(&format!("postgres://a/x{mode}")).unwrap();
            let DatabaseUrl::Postgres(url) = url.with_root_certificate(Some("ca.pem".into())) else {
                panic!()
            };
            assert_eq!(url.proof, proof, "{mode}");
            let is_encrypted = url.servers[0].get_ssl_mode() == SslMode::Require;
            assert_eq!(is_encrypted, proof != TlsVerification::Nothing, "{mode}");
        }
    }

    #[test]
    fn no_password_stands_in_a_message() {
        for text in [
            "postgres://me:se@cret@db:1,other:2/x?password=secret",
            "postgres://me:secret@db/x?sslmode=maybe",
            "mysql://me:secret@db/x?password=secret",
            "postgres//me:secret@db/x",
            "postgres:/me:secret@db/x",
            " postgres://me:secret@db/x",
            "Postgres://me:secret@db/x",
            "me:secret@db/x",
            "postgres://me:correct?secret@db/x",
            "postgres://me:correct/secret@db/x",
            "postgres://me:12/secret@db/x",
            "postgres://me:12?secret=1@db/x",
            "postgres://me:12?user=secret@db/x",
            "postgres://me:12#secret@db:port/x",
            "postgres://me:%zzsecret@db/x",
            "user=me password=secret host=db",
            "host=db user=me password='correct secret'",
            "sqlite://me:secret@db?mode=ro",
        ] {
            let told = match DatabaseUrl::parse(text) {
                Ok(url) => format!("{url} {url:?}"),
                Err(error) => error.to_string(),
            };
            for part in ["secret", "se@cret", "correct", "12"] {
                assert!(!told.contains(part), "{text}: {told}");
            }
        }
        assert_eq!(postgres("postgres://me:se@cret@db:1,other:2/x").shown, "postgres://me@db:1,other:2/x");
    }
}
