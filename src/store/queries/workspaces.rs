//! Workspaces and their hosts.

use super::{audit, directory_stamp, link_stats};
use crate::domain::app_settings::{AppSettings, VerifiedAddresses};
use crate::domain::audit::{AuditEntry, INSTALLATION};
use crate::domain::branding::{BrandColor, Branding, Logo, LogoFacts, LogoKind, SupportContact};
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;
use crate::domain::language::Language;
use crate::domain::mail_settings::MailSettings;
use crate::domain::origin::Origin;
use crate::domain::story_settings::StorySettings;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{LogoChange, Workspace, WorkspaceId};
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, all, first, from_row, only, values};
use crate::store::{Store, StoreError};

/// How often the number of a new workspace is drawn, while others draw the same.
const MAX_DRAWS: usize = 64;

/// What is changed of a workspace beside its settings.
#[derive(Debug)]
pub struct WorkspaceChange<'a> {
    /// All its hosts, if they are others.
    pub hosts: Option<&'a [HostName]>,
    /// Its logo.
    pub logo: &'a LogoChange,
    /// Whether openings were noted until now, and are no longer.
    pub stops_recording: bool,
}

/// The columns of a workspace.
macro_rules! workspace_columns {
    () => {
        "w.id, w.name, w.url, w.link_lifetime, w.single_use, w.landing_url, w.allowed_redirect_origins, \
         w.session_lifetime, w.session_idle, w.cookie_domain, w.cookie_tag, w.page_name, w.brand_color, w.logo_kind, \
         w.logo_length, w.support_contact, w.locale, w.mail_from, w.mail_name, w.mail_reply_to, w.self_service, \
         w.self_service_lifetime, w.one_click, w.mail_budget, w.record_openings, w.story_retention, w.addresses, w.default_app, w.revision, \
         w.created_at"
    };
}
pub(in crate::store) use workspace_columns;

impl FromValue for Vec<Origin> {
    fn from_value(value: Value) -> Option<Self> {
        let text = String::from_value(value)?;
        let origins = text.split(' ').filter(|origin| !origin.is_empty());
        Some(origins.map(|origin| Origin::from_store(origin.to_owned())).collect())
    }
}

impl FromValue for BrandColor {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for SupportContact {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for Language {
    fn from_value(value: Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?).ok()
    }
}

impl FromValue for VerifiedAddresses {
    fn from_value(value: Value) -> Option<Self> {
        let word = String::from_value(value)?;
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

impl FromValue for LogoKind {
    fn from_value(value: Value) -> Option<Self> {
        Self::from_word(&String::from_value(value)?)
    }
}

/// A logo's facts stand in two columns, which are null together.
impl FromRow for Branding {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (page_name, color) = row.take()?;
        let (kind, length): (Option<_>, Option<_>) = row.take()?;
        let logo = kind.zip(length).map(|(kind, length)| LogoFacts { kind, length });
        let (support_contact, locale) = row.take()?;
        Ok(Self { page_name, color, logo, support_contact, locale })
    }
}

from_row! {
    MailSettings { from, name, reply_to, has_self_service, self_service_lifetime, is_one_click, budget }
    StorySettings { is_recording, retention }
    AppSettings { addresses, default_app }
    Logo { kind, content }
    Workspace {
        id, name, url, link_lifetime, is_single_use, landing_url, allowed_redirect_origins, session_lifetime,
        session_idle, cookie_domain, cookie_tag, branding, mail, stories, apps, revision, created_at,
    }
}

fn joined(origins: &[Origin]) -> String {
    origins.iter().map(Origin::as_str).collect::<Vec<_>>().join(" ")
}

impl Store {
    /// A workspace and its hosts, by its name.
    pub async fn find_workspace(&self, name: &str) -> Result<Option<(Workspace, Vec<HostName>)>, StoreError> {
        const FOUND: &str = concat!("SELECT ", workspace_columns!(), " FROM workspaces w WHERE w.name = $1");
        const HOSTS: &str = "SELECT h.host FROM hosts h JOIN workspaces w ON w.id = h.workspace_id
                             WHERE w.name = $1 ORDER BY h.host";
        let [rows, hosts] = self.read([sql(FOUND, values![name]), sql(HOSTS, values![name])]).await?;
        Ok(first(rows)?.zip(Some(all(hosts)?)))
    }

    /// A workspace by its number.
    pub async fn find_workspace_by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        const FOUND: &str = concat!("SELECT ", workspace_columns!(), " FROM workspaces w WHERE w.id = $1");
        self.find(sql(FOUND, values![id])).await
    }

    /// Every workspace, by name.
    pub async fn list_workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        const ALL: &str = concat!("SELECT ", workspace_columns!(), " FROM workspaces w ORDER BY w.name");
        self.find_all(sql(ALL, values![])).await
    }

    /// Which of these hosts belong to another workspace than this one.
    pub async fn list_taken_hosts(
        &self,
        hosts: &[HostName],
        workspace: WorkspaceId,
    ) -> Result<Vec<HostName>, StoreError> {
        let mut taken = Vec::new();
        for host in hosts {
            let found = sql(
                "SELECT 1 FROM hosts WHERE host = $1 AND workspace_id <> $2",
                values![host.as_str(), workspace],
            );
            if self.find::<i64>(found).await?.is_some() {
                taken.push(host.clone());
            }
        }
        Ok(taken)
    }

    /// Makes a workspace with its hosts, unless its name, in whatever case, or one of the hosts is taken. Its number is drawn here,
    /// whatever `workspace` says.
    pub async fn add_workspace(
        &self,
        workspace: &Workspace,
        hosts: &[HostName],
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        for _ in 0..MAX_DRAWS {
            let last = self.find_last_workspace_id().await?;
            if self.add_numbered(workspace, last, hosts, entry).await? == Outcome::Applied {
                return Ok(Outcome::Applied);
            }
            // Others may have made one meanwhile, under that number; if not, name or host are taken.
            if self.find_last_workspace_id().await? == last {
                return Ok(Outcome::Conflict);
            }
        }
        Err(StoreError::Contended("others kept making workspaces"))
    }

    async fn find_last_workspace_id(&self) -> Result<i64, StoreError> {
        let last = sql("SELECT last_workspace_id FROM directory WHERE id = 1", values![]);
        self.find(last).await?.ok_or(StoreError::Unexpected("the directory has no row"))
    }

    async fn add_numbered(
        &self,
        workspace: &Workspace,
        last: i64,
        hosts: &[HostName],
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        let id = WorkspaceId(last + 1);
        let added = sql(
            "INSERT INTO workspaces (url, link_lifetime, single_use, landing_url, allowed_redirect_origins,
                                     session_lifetime, session_idle, cookie_domain, cookie_tag, page_name, brand_color,
                                     logo_kind, logo_length, support_contact, locale, mail_from, mail_name, mail_reply_to,
                                     self_service, self_service_lifetime, one_click, mail_budget, record_openings,
                                     story_retention, addresses, default_app, id, name, revision, created_at, name_folded)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                     $23, $24, $25, $26, $27, $28, $29, $30, $31) ON CONFLICT DO NOTHING",
            settings(
                workspace,
                values![
                    id,
                    workspace.name.as_str(),
                    workspace.revision,
                    workspace.created_at,
                    folded_name(&workspace.name)
                ]
            )
        );
        let counters = sql(
            "INSERT INTO number_counters (workspace_id, last_user_id, last_api_key_id) VALUES ($1, 0, 0)",
            values![id],
        );
        let unit = UnitOfWork::new().guard(added).and(counters);
        let unit = hosts.iter().fold(unit, |unit, host| unit.guard(add_host(id, host)));
        let unit = unit.and(audit::entry(id, entry, workspace.created_at));
        self.apply(unit.guard(directory_stamp::draw_with_workspace(last))).await
    }

    /// Changes the settings of a workspace, and what is changed beside them, unless it was changed since `workspace` was read or a host
    /// is taken. The revision is counted up here.
    pub async fn set_workspace(
        &self,
        workspace: &Workspace,
        change: &WorkspaceChange<'_>,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let changed = sql(
            "UPDATE workspaces SET url = $1, link_lifetime = $2, single_use = $3, landing_url = $4,
                    allowed_redirect_origins = $5, session_lifetime = $6, session_idle = $7, cookie_domain = $8,
                    cookie_tag = $9, page_name = $10, brand_color = $11, logo_kind = $12, logo_length = $13,
                    support_contact = $14, locale = $15, mail_from = $16, mail_name = $17, mail_reply_to = $18,
                    self_service = $19, self_service_lifetime = $20, one_click = $21, mail_budget = $22,
                    record_openings = $23, story_retention = $24, addresses = $25, default_app = $26,
                    revision = revision + 1
             WHERE id = $27 AND revision = $28
               AND (CAST($26 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM apps a WHERE a.workspace_id = $27 AND a.client_id = $26
                                           AND a.start_url IS NOT NULL))",
            settings(workspace, values![workspace.id, workspace.revision])
        );
        let mut unit = UnitOfWork::new().guard(changed);
        if let Some(hosts) = change.hosts {
            unit = unit.and(sql("DELETE FROM hosts WHERE workspace_id = $1", values![workspace.id]));
            for host in hosts {
                unit = unit.guard(add_host(workspace.id, host));
            }
        }
        unit = unit.and_all(change_logo(workspace.id, change.logo));
        if change.stops_recording {
            // From here on nobody knows who opens the links that live now.
            unit = unit.and_all(link_stats::forget_recorded(&self.engine, workspace.id, now));
        }
        self.apply(unit.and(audit::entry(workspace.id, entry, now)).guard(directory_stamp::draw())).await
    }

    /// Gives a workspace another name, unless that is taken, in whatever case, or the workspace was changed since it was
    /// read.
    pub async fn rename_workspace(
        &self,
        workspace: &Workspace,
        name: &str,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let renamed = sql(
            "UPDATE workspaces SET name = $1, name_folded = $2, revision = revision + 1
             WHERE id = $3 AND revision = $4
               AND NOT EXISTS (SELECT 1 FROM workspaces o WHERE o.id <> $3 AND o.name_folded = $2)",
            values![name, folded_name(name), workspace.id, workspace.revision],
        );
        let unit = UnitOfWork::new().guard(renamed).and(audit::entry(workspace.id, entry, now));
        self.apply(unit.guard(directory_stamp::draw())).await
    }

    /// Whether another workspace has a name, in whatever case.
    pub async fn is_workspace_name_taken(&self, name: &str, but: WorkspaceId) -> Result<bool, StoreError> {
        let found = sql(
            "SELECT 1 FROM workspaces WHERE id <> $1 AND name_folded = $2",
            values![but, folded_name(name)],
        );
        Ok(self.find::<i64>(found).await?.is_some())
    }

    /// The logo of a workspace.
    pub async fn find_logo(&self, id: WorkspaceId) -> Result<Option<Logo>, StoreError> {
        self.find(sql("SELECT kind, content FROM workspace_logos WHERE workspace_id = $1", values![id])).await
    }

    /// How many rows belong to a workspace, by what they are called.
    pub async fn count_belongings(&self, id: WorkspaceId) -> Result<[(&'static str, i64); 5], StoreError> {
        let counts = [
            sql("SELECT count(*) FROM users WHERE workspace_id = $1 AND deleted_at IS NULL", values![id]),
            sql("SELECT count(*) FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL", values![id]),
            sql("SELECT count(*) FROM login_links WHERE workspace_id = $1", values![id]),
            sql("SELECT count(*) FROM sessions WHERE workspace_id = $1", values![id]),
            sql("SELECT count(*) FROM audit_log WHERE workspace_id = $1", values![id]),
        ];
        let mut counted =
            [("users", 0), ("api_keys", 0), ("login_links", 0), ("sessions", 0), ("entries", 0)];
        for (rows, (_, count)) in self.scan(counts).await?.into_iter().zip(&mut counted) {
            *count = only(rows)?;
        }
        Ok(counted)
    }

    /// Deletes a workspace and all that belongs to it, unless it was changed since it was read. Its number is never used
    /// again. The entry goes into the log of the installation, since its own is gone.
    pub async fn delete_workspace(
        &self,
        workspace: &Workspace,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let id = workspace.id;
        let gone =
            sql("DELETE FROM workspaces WHERE id = $1 AND revision = $2", values![id, workspace.revision]);
        let belongings = [
            // First: whoever adds a user holds it, and what was added until then is seen by the statements behind it.
            "DELETE FROM number_counters WHERE workspace_id = $1",
            "DELETE FROM hosts WHERE workspace_id = $1",
            "DELETE FROM workspace_logos WHERE workspace_id = $1",
            "DELETE FROM api_keys WHERE workspace_id = $1",
            "DELETE FROM sessions WHERE workspace_id = $1",
            "DELETE FROM login_links WHERE workspace_id = $1",
            "DELETE FROM users WHERE workspace_id = $1",
            "DELETE FROM user_counts WHERE workspace_id = $1",
            "DELETE FROM audit_log WHERE workspace_id = $1",
            "DELETE FROM idempotency_keys WHERE workspace_id = $1",
            "DELETE FROM outbox WHERE workspace_id = $1",
            "DELETE FROM mails WHERE workspace_id = $1",
            "DELETE FROM asks WHERE workspace_id = $1",
            "DELETE FROM mail_counters WHERE workspace_id = $1",
            "DELETE FROM link_events WHERE workspace_id = $1",
            "DELETE FROM link_kills WHERE workspace_id = $1",
            "DELETE FROM link_stats WHERE workspace_id = $1",
            "DELETE FROM refusal_stats WHERE workspace_id = $1",
            "DELETE FROM apps WHERE workspace_id = $1",
            "DELETE FROM app_secrets WHERE workspace_id = $1",
            "DELETE FROM signing_keys WHERE workspace_id = $1",
            "DELETE FROM app_codes WHERE workspace_id = $1",
            "DELETE FROM app_sessions WHERE workspace_id = $1",
            "DELETE FROM app_refusals WHERE workspace_id = $1",
            "DELETE FROM app_usage WHERE workspace_id = $1",
            "DELETE FROM app_sign_outs WHERE workspace_id = $1",
        ];
        let belongings = belongings.map(|text| sql(text, values![id]));
        let unit =
            UnitOfWork::new().guard(gone).and_all(belongings).and(audit::entry(INSTALLATION, entry, now));
        self.apply(unit.guard(directory_stamp::draw())).await
    }
}

/// What two names must not have in common.
fn folded_name(name: &str) -> String {
    name.to_lowercase()
}

/// The values of all settings, `$1` to `$26`, and then some more.
fn settings(workspace: &Workspace, more: Vec<Value>) -> Vec<Value> {
    let (branding, mail) = (&workspace.branding, &workspace.mail);
    let mut values = values! {
        workspace.url.as_str(), workspace.link_lifetime, workspace.is_single_use,
        workspace.landing_url.clone(), joined(&workspace.allowed_redirect_origins),
        workspace.session_lifetime, workspace.session_idle, workspace.cookie_domain.clone(),
        workspace.cookie_tag.as_str(), branding.page_name.clone(), branding.color.map(|color| color.to_string()),
        branding.logo.map(|logo| logo.kind.word()), branding.logo.map(|logo| logo.length),
        branding.support_contact.as_ref().map(SupportContact::as_str), branding.locale.tag(),
        mail.from.as_ref().map(EmailAddress::as_str), mail.name.clone(),
        mail.reply_to.as_ref().map(EmailAddress::as_str), mail.has_self_service, mail.self_service_lifetime,
        mail.is_one_click, mail.budget, workspace.stories.is_recording, workspace.stories.retention,
        workspace.apps.addresses.name(), workspace.apps.default_app.clone()
    };
    values.extend(more);
    values
}

/// The statements that change the bytes of a logo.
fn change_logo(workspace: WorkspaceId, change: &LogoChange) -> Vec<Statement> {
    let gone = || sql("DELETE FROM workspace_logos WHERE workspace_id = $1", values![workspace]);
    match change {
        LogoChange::Keep => Vec::new(),
        LogoChange::Remove => vec![gone()],
        LogoChange::Replace(logo) => vec![
            gone(),
            sql(
                "INSERT INTO workspace_logos (workspace_id, kind, content) VALUES ($1, $2, $3)",
                values![workspace, logo.kind.word(), logo.content.as_slice()],
            ),
        ],
    }
}

fn add_host(workspace: WorkspaceId, host: &HostName) -> Statement {
    sql(
        "INSERT INTO hosts (host, workspace_id) VALUES ($1, $2) ON CONFLICT (host) DO NOTHING",
        values![host.as_str(), workspace],
    )
}
