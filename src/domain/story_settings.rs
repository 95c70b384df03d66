//! What a workspace has noted of its links, and for how long.

use super::duration;

/// The shortest and the longest time for which stories are kept, in seconds: a day and a year.
const RETENTIONS: std::ops::RangeInclusive<i64> = 86_400..=31_536_000;

/// The settings of a workspace's stories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorySettings {
    /// Whether it is noted that links are opened.
    pub is_recording: bool,
    /// How long the story of a link is kept after the link's time is over, in seconds.
    pub retention: i64,
}

impl Default for StorySettings {
    fn default() -> Self {
        Self { is_recording: true, retention: 2_592_000 }
    }
}

impl StorySettings {
    /// The names of the settings that [`StorySettings::set`] takes.
    pub const SETTINGS: [&str; 2] = ["record_openings", "story_retention"];

    /// Changes one setting by its name; an empty value makes it what a fresh workspace has.
    ///
    /// # Errors
    /// A sentence that says what the setting takes.
    pub(in crate::domain) fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        let fresh = Self::default();
        if setting == "record_openings" {
            self.is_recording = match value {
                "" => fresh.is_recording,
                value => value.parse().map_err(|_| "must be true or false".to_owned())?,
            };
        } else {
            self.retention = if value.is_empty() { fresh.retention } else { retention(value)? };
        }
        Ok(())
    }
}

fn retention(value: &str) -> Result<i64, String> {
    let number = duration::parse(value).filter(|number| RETENTIONS.contains(number));
    number.ok_or_else(|| {
        "must be a number of seconds from 86400 to 31536000, or a duration such as 30d".to_owned()
    })
}
