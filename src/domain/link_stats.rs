//! Figures of links: how many were issued and what became of them, and what their lifetime costs.

use super::moment::Moment;
use super::named::named;
use super::timestamp::Timestamp;
use super::validation::ValidationErrors;
use super::workspace::Workspace;

named! {
    /// The length of a bucket.
    pub enum BucketSize(
        /// The word in the query.
        name
    ) {
        /// An hour.
        Hour = "hour",
        /// A day, in UTC.
        Day = "day",
    }
}

impl BucketSize {
    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The longest time that is looked at in buckets of this length, in days.
    const fn most_days(self) -> i64 {
        match self {
            Self::Hour => 31,
            Self::Day => 366,
        }
    }
}

named! {
    /// Which links.
    pub enum StatsKind(
        /// The word in the query, and but for `all` that of the links.
        name
    ) {
        /// Those that a back office asked for.
        Api = "api",
        /// Those that people asked for by an address.
        SelfService = "self_service",
        /// Those that people asked for by a dead link.
        Again = "again",
        /// All.
        All = "all",
    }
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// Days that are looked at where the caller names none.
const DEFAULT_DAYS: i64 = 30;

/// The last whole hour that can be written down: 9999-12-30T22:00:00Z.
const LAST_HOUR: i64 = 253_402_207_200_000;

/// The ages of first tries, in seconds; whatever is older is in one more bucket.
pub const AGES: [i64; 11] = [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 604_800];

/// What is asked: of whole hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatsQuery {
    /// From the beginning of this hour on.
    pub from: Timestamp,
    /// Up to the beginning of this hour.
    pub to: Timestamp,
    /// In buckets of this length.
    pub by: BucketSize,
    /// Which links.
    pub kind: StatsKind,
}

impl StatsQuery {
    /// Takes the parameters of a query; both ends are moved apart to whole hours.
    ///
    /// # Errors
    /// `ValidationErrors` names the parameters that do not pass.
    pub fn parse(params: &[(String, String)], now: Timestamp) -> Result<Self, ValidationErrors> {
        let mut wrong = ValidationErrors::default();
        for (place, (name, _)) in params.iter().enumerate() {
            if !["from", "to", "by", "kind"].contains(&name.as_str()) {
                wrong.add(
                    name,
                    super::validation::Code::Unknown.saying("is no parameter; there are from, to, by, kind"),
                );
            } else if params[..place].iter().any(|(before, _)| before == name) {
                wrong.add(name, "must be given once");
            }
        }
        let given = |name: &str| params.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str());
        let by = given("by").map_or(Some(BucketSize::Day), |word| {
            BucketSize::ALL.into_iter().find(|size| size.name() == word)
        });
        let kind = given("kind")
            .map_or(Some(StatsKind::Api), |word| StatsKind::ALL.into_iter().find(|kind| kind.name() == word));
        if by.is_none() {
            wrong.add("by", "must be hour or day");
        }
        if kind.is_none() {
            wrong.add("kind", "must be api, self_service, again or all");
        }
        let mut moment = |name: &str, rounded_up: bool| match given(name) {
            None => None,
            Some(text) => {
                let read = Moment::parse(text).and_then(|moment| End::parse(moment, rounded_up));
                if read.is_none() {
                    wrong.add(name, "must be a moment such as 2026-11-23T03:00:00Z");
                }
                read
            }
        };
        let (from, to) = (moment("from", false), moment("to", true));
        let (Some(by), Some(kind)) = (by, kind) else { return Err(wrong) };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Self::between(from, to, (by, kind), now)
    }

    /// The last so many days.
    ///
    /// # Errors
    /// `ValidationErrors` if they are too many, or none.
    pub fn of_days(days: i64, kind: StatsKind, now: Timestamp) -> Result<Self, ValidationErrors> {
        if !(1..=BucketSize::Day.most_days()).contains(&days) {
            return Err(ValidationErrors::field("days", "must be a number of days from 1 to 366"));
        }
        let from = Timestamp::from_millis(end_of(now).millis() - days * DAY);
        Self::between(Some(End::at(from)), None, (BucketSize::Day, kind), now)
    }

    fn between(
        from: Option<End>,
        to: Option<End>,
        (by, kind): (BucketSize, StatsKind),
        now: Timestamp,
    ) -> Result<Self, ValidationErrors> {
        let to = to.unwrap_or_else(|| End { hour: end_of(now), asked: now });
        let from =
            from.unwrap_or_else(|| End::at(Timestamp::from_millis(to.hour.millis() - DEFAULT_DAYS * DAY)));
        if from.hour >= to.hour || from.asked >= to.asked {
            return Err(ValidationErrors::field(
                "from",
                "must be before to, which is now unless it is given",
            ));
        }
        // What was asked counts: both ends may have been moved by an hour.
        if to.asked.millis() - from.asked.millis() > by.most_days() * DAY {
            let sentence =
                format!("must be {} days before to at most where by is {}", by.most_days(), by.name());
            return Err(ValidationErrors::field("from", sentence));
        }
        Ok(Self { from: from.hour, to: to.hour, by, kind })
    }

    /// When the buckets begin, in their order.
    pub fn buckets(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let size = self.by.millis();
        let first = self.from.millis() - self.from.millis().rem_euclid(size);
        let last = self.to.millis();
        (0..)
            .map(move |number: i64| first + number * size)
            .take_while(move |at| *at < last)
            .map(Timestamp::from_millis)
    }
}

/// The end of the hour that runs.
const fn end_of(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.start_of_hour().millis() + HOUR)
}

/// An end of the time that is asked for.
#[derive(Clone, Copy)]
struct End {
    /// The whole hour before or behind it.
    hour: Timestamp,
    /// Itself; a part of a millisecond at the later end is a whole one.
    asked: Timestamp,
}

impl End {
    /// A whole hour.
    const fn at(hour: Timestamp) -> Self {
        Self { hour, asked: hour }
    }

    /// `None` for what is no time of this service.
    fn parse(moment: Moment, rounded_up: bool) -> Option<Self> {
        let millis = moment.whole.millis();
        if !(0..=253_402_300_799_000).contains(&millis) {
            return None;
        }
        let asked = if rounded_up && moment.has_more { millis + 1 } else { millis };
        let begun = asked - asked.rem_euclid(HOUR);
        let hour = if rounded_up && begun != asked { begun + HOUR } else { begun };
        if hour > LAST_HOUR {
            return None;
        }
        Some(Self { hour: Timestamp::from_millis(hour), asked: Timestamp::from_millis(asked) })
    }
}

/// The figures of links that were issued in a time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// All of them.
    pub issued: i64,
    /// Those that were issued while openings were noted.
    pub recorded: i64,
    /// Those that were pressed, or opened by a person.
    pub opened: i64,
    /// Those that machines alone opened.
    pub opened_by_machines: i64,
    /// Those that signed somebody in.
    pub signed_in: i64,
    /// Those whose first try came after their end.
    pub too_late: i64,
    /// Those that were pressed again after they were used.
    pub pressed_again: i64,
    /// How often links were handed out again in that time, whenever they were issued.
    pub handed_out_again: i64,
    /// How many first tries came at each age.
    pub ages: [i64; AGES.len() + 1],
    /// Refusals in that time, by reason, in the order of the reasons.
    pub refused: Vec<(String, i64)>,
}

impl Figures {
    /// What is known of openings: by persons, by machines alone, and never. `None` where some links were issued, or may have lived, while
    /// openings were not noted.
    pub const fn openings(&self) -> Option<[i64; 3]> {
        if self.recorded < self.issued {
            return None;
        }
        Some([self.opened, self.opened_by_machines, self.issued - self.opened - self.opened_by_machines])
    }

    /// Adds the figures of another time.
    pub fn add(&mut self, other: &Self) {
        self.issued += other.issued;
        self.recorded += other.recorded;
        self.opened += other.opened;
        self.opened_by_machines += other.opened_by_machines;
        self.signed_in += other.signed_in;
        self.too_late += other.too_late;
        self.pressed_again += other.pressed_again;
        self.handed_out_again += other.handed_out_again;
        for (sum, more) in self.ages.iter_mut().zip(other.ages) {
            *sum += more;
        }
        for (reason, more) in &other.refused {
            match self.refused.iter_mut().find(|(known, _)| known == reason) {
                Some((_, sum)) => *sum += more,
                None => self.refused.push((reason.clone(), *more)),
            }
        }
        self.refused.sort_unstable();
    }

    /// What a longer lifetime would change, where many come too late: over a fifth of at least fifty first tries. `lifetime` is that of
    /// such links now, in seconds.
    pub fn advice(&self, lifetime: i64) -> Option<String> {
        let tries: i64 = self.ages.iter().sum();
        if tries < 50 || self.too_late * 5 <= tries {
            return None;
        }
        let share = |late: i64| (late * 100 + tries / 2) / tries;
        let now = share(self.too_late);
        let Some(next) = AGES.iter().position(|age| *age > lifetime) else {
            return Some(format!("{now} % of {tries} first tries came after the link's end."));
        };
        let then = share(self.ages[next + 1..].iter().sum());
        // Links that were made while the lifetime was longer came later than this one would let them.
        if then >= now {
            return Some(format!("{now} % of {tries} first tries came after the link's end."));
        }
        let longer = in_words(AGES[next]);
        Some(format!(
            "{now} % of {tries} first tries came after the link's end; with a lifetime of {longer} it would have been {then} %."
        ))
    }
}

/// The figures of one kind of links in a bucket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KindFigures {
    /// When the bucket begins.
    pub at: Timestamp,
    /// Of which links; never all.
    pub kind: StatsKind,
    /// Their figures.
    pub figures: Figures,
}

/// How long the links of a kind live now, in seconds.
pub const fn lifetime_of(kind: StatsKind, workspace: &Workspace) -> i64 {
    match kind {
        StatsKind::Api | StatsKind::All => workspace.link_lifetime,
        StatsKind::SelfService | StatsKind::Again => workspace.mail.self_service_lifetime,
    }
}

/// An age as people say it.
pub fn in_words(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0);
    let (number, unit) = whole.map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// What is answered to a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkStats {
    /// What was asked.
    pub query: StatsQuery,
    /// The sum of the buckets.
    pub totals: Figures,
    /// The buckets that there are in that time, with when each begins.
    pub buckets: Vec<(Timestamp, Figures)>,
    /// How long a link of the back office lives now, in seconds.
    pub link_lifetime: i64,
    /// What a longer lifetime would change.
    pub advice: Option<String>,
}
