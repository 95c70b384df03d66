//! The flags, as the command line knows them. Their comments are what `--help` says.
#![expect(clippy::doc_markdown, reason = "on a terminal, backticks would be read as part of a name")]

/// What helps have over the flags that mean the same to every command: below those of the command itself.
pub(crate) const COMMON: &str = "Common options";

/// What helps have over the flags of mail.
const MAIL: &str = "Mail options";

/// What helps have over the flags of calls to others.
const OUTBOUND: &str = "Outbound options";

/// What helps have over the flags of the admin pages.
const ADMIN: &str = "Admin options";

/// Flags that mean the same to every command.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct CommonFlags {
    /// Where the database is: sqlite://FILE or postgres://… [default: sqlite://doorkey.db] [env: DOORKEY_DATABASE]
    #[arg(long, global = true, help_heading = COMMON, value_name = "URL")]
    pub database: Option<String>,
    /// A PEM file with what a PostgreSQL server's certificate must rest on [env: DOORKEY_DATABASE_ROOT_CERTIFICATE]
    #[arg(long, global = true, help_heading = COMMON, value_name = "FILE")]
    pub database_root_certificate: Option<String>,
    /// The file of the secret keys [default: doorkey.key] [env: DOORKEY_SECRET_KEY_FILE]
    #[arg(long, global = true, help_heading = COMMON, value_name = "FILE")]
    pub secret_key_file: Option<String>,
    /// A TOML file with settings, named as the flags are [env: DOORKEY_CONFIG]
    #[arg(long, global = true, help_heading = COMMON, value_name = "FILE")]
    pub config: Option<String>,
    /// Print one JSON document instead of text for people
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,
}

/// Flags of the commands that serve.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// Where people and back offices connect [default: 127.0.0.1:8080] [env: DOORKEY_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where operators ask for health and metrics [default: 127.0.0.1:9191] [env: DOORKEY_OPS_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub ops_listen: Option<String>,
    /// A proxy whose X-Forwarded headers count; may be given again [env, by comma: DOORKEY_TRUSTED_PROXY]
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<String>,
    /// How log lines are written: text or json [default: text] [env: DOORKEY_LOG]
    #[arg(long, value_name = "FORMAT")]
    pub log: Option<String>,
    /// Leave out the console at /docs [env, true or false: DOORKEY_NO_DOCS]
    #[arg(long)]
    pub no_docs: bool,
    /// Dead login tokens that one address may show in a minute, or off [default: 600] [env: DOORKEY_LOGIN_MISSES_PER_MINUTE]
    #[arg(long, value_name = "NUMBER")]
    pub login_misses_per_minute: Option<String>,
    /// Requests without a valid API key that one address may make in a minute, or off [default: 600] [env: DOORKEY_AUTH_FAILURES_PER_MINUTE]
    #[arg(long, value_name = "NUMBER")]
    pub auth_failures_per_minute: Option<String>,
    /// Requests that one API key may make in a second [default: off] [env: DOORKEY_KEY_REQUESTS_PER_SECOND]
    #[arg(long, value_name = "NUMBER")]
    pub key_requests_per_second: Option<String>,
    /// How long the audit log is kept [default: 365d] [env: DOORKEY_AUDIT_RETENTION]
    #[arg(long, value_name = "DURATION")]
    pub audit_retention: Option<String>,
    /// How long it is known of a dead link whose it was, so that its page can send a fresh one [default: 90d] [env: DOORKEY_DEAD_LINK_MEMORY]
    #[arg(long, value_name = "DURATION")]
    pub dead_link_memory: Option<String>,
    /// Where the admin pages are.
    #[command(flatten)]
    pub admin: AdminFlags,
    /// The header by which a trusted proxy names an admin [env: DOORKEY_ADMIN_PROXY_HEADER]
    #[arg(long, help_heading = ADMIN, value_name = "NAME")]
    pub admin_proxy_header: Option<String>,
    /// How mail goes out.
    #[command(flatten)]
    pub mail: MailFlags,
    /// What may be called.
    #[command(flatten)]
    pub outbound: OutboundFlags,
}

/// Flags of the commands that serve the admin pages or link to them.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct AdminFlags {
    /// Where the admin pages are served; nowhere, if not given [env: DOORKEY_ADMIN_LISTEN]
    #[arg(long, help_heading = ADMIN, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,
    /// Where a proxy shows the admin pages, as in https://admin.example.com [default: http:// and the address of --admin-listen] [env: DOORKEY_ADMIN_URL]
    #[arg(long, help_heading = ADMIN, value_name = "URL")]
    pub admin_url: Option<String>,
}

/// Flags of the commands that mail.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct MailFlags {
    /// How mail goes out: smtp://[USER@]HOST[:587], smtps://[USER@]HOST[:465], smtp+plain://[USER@]HOST[:25], or file:DIR
    /// [env: DOORKEY_SMTP]
    #[arg(long, help_heading = MAIL, value_name = "URL")]
    pub smtp: Option<String>,
    /// Let smtp+plain:// send mail unencrypted to another machine [env, true or false: DOORKEY_SMTP_ALLOW_PLAIN]
    #[arg(long, help_heading = MAIL)]
    pub smtp_allow_plain: bool,
    /// The file whose first line is the password of the USER in --smtp [env: DOORKEY_SMTP_PASSWORD_FILE]
    #[arg(long, help_heading = MAIL, value_name = "FILE")]
    pub smtp_password_file: Option<String>,
    /// A PEM file with what the mail server's certificate must rest on, instead of the system's roots [env: DOORKEY_SMTP_CA]
    #[arg(long, help_heading = MAIL, value_name = "FILE")]
    pub smtp_ca: Option<String>,
    /// The sender of workspaces that have none of their own [env: DOORKEY_MAIL_FROM]
    #[arg(long, help_heading = MAIL, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Mails that one client address may ask for in ten minutes, or off [default: 10] [env: DOORKEY_ASKS_PER_SOURCE]
    #[arg(long, help_heading = MAIL, value_name = "NUMBER")]
    pub asks_per_source: Option<String>,
}

/// Flags of the commands that call URLs of others, or save them.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct OutboundFlags {
    /// A host, or a network, that may be called although it is not public, over http and on any port too; may be given again [env, by
    /// comma: DOORKEY_OUTBOUND_ALLOW]
    #[arg(long, help_heading = OUTBOUND, value_name = "HOST|CIDR")]
    pub outbound_allow: Vec<String>,
}

/// Every setting by its name, which is a key of the file, and what its flag was given.
///
/// As flags they have dashes, as variables `DOORKEY_` and capitals.
pub(super) fn settings(common: &CommonFlags, serve: &ServeFlags) -> [(&'static str, Option<String>); 23] {
    let mail = &serve.mail;
    let list = |given: &[String]| (!given.is_empty()).then(|| given.join(","));
    [
        ("database", common.database.clone()),
        ("database_root_certificate", common.database_root_certificate.clone()),
        ("secret_key_file", common.secret_key_file.clone()),
        ("listen", serve.listen.clone()),
        ("ops_listen", serve.ops_listen.clone()),
        ("trusted_proxy", list(&serve.trusted_proxy)),
        ("log", serve.log.clone()),
        ("no_docs", serve.no_docs.then(|| "true".to_owned())),
        ("login_misses_per_minute", serve.login_misses_per_minute.clone()),
        ("auth_failures_per_minute", serve.auth_failures_per_minute.clone()),
        ("key_requests_per_second", serve.key_requests_per_second.clone()),
        ("audit_retention", serve.audit_retention.clone()),
        ("dead_link_memory", serve.dead_link_memory.clone()),
        ("admin_listen", serve.admin.admin_listen.clone()),
        ("admin_url", serve.admin.admin_url.clone()),
        ("admin_proxy_header", serve.admin_proxy_header.clone()),
        ("smtp", mail.smtp.clone()),
        ("smtp_allow_plain", mail.smtp_allow_plain.then(|| "true".to_owned())),
        ("smtp_password_file", mail.smtp_password_file.clone()),
        ("smtp_ca", mail.smtp_ca.clone()),
        ("mail_from", mail.mail_from.clone()),
        ("asks_per_source", mail.asks_per_source.clone()),
        ("outbound_allow", list(&serve.outbound.outbound_allow)),
    ]
}

/// The names of all settings.
pub(super) fn names() -> [&'static str; 23] {
    settings(&CommonFlags::default(), &ServeFlags::default()).map(|(name, _)| name)
}
