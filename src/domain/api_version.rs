//! Versions of the API: dates, asked for in `X-Api-Version`.

use jiff::civil::Date;

/// A version of the API. The first two answer the bodies of the reference page the product was born from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ApiVersion {
    /// `2023-12-14`.
    V20231214,
    /// `2024-03-05`, the default.
    #[default]
    V20240305,
    /// `2026-12-01`: the answer to a request for a link also says when it expires and whether it was reused.
    V20261201,
}

/// A header value that is no date.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("X-Api-Version must be a date such as 2024-03-05 or 20240305")]
pub struct InvalidVersion;

impl ApiVersion {
    /// What is served when no version is asked for.
    pub const DEFAULT: Self = Self::V20240305;

    const ALL: [Self; 3] = [Self::V20231214, Self::V20240305, Self::V20261201];

    /// Takes the value of the request header; the newest version not after that date serves it.
    pub fn parse(text: &str) -> Result<Self, InvalidVersion> {
        if text.is_empty() || text == "2024-03-05" {
            return Ok(Self::DEFAULT);
        }
        let format = match text.len() {
            10 => "%Y-%m-%d",
            8 => "%Y%m%d",
            _ => return Err(InvalidVersion),
        };
        let is_dash = |place| text.len() == 10 && (place == 4 || place == 7);
        let is_plain = text.bytes().enumerate().all(|(place, byte)| byte.is_ascii_digit() != is_dash(place));
        let date = Date::strptime(format, text).map_err(|_| InvalidVersion)?;
        if !is_plain {
            return Err(InvalidVersion);
        }
        let not_after = Self::ALL.into_iter().rev().find(|version| version.date() <= date);
        Ok(not_after.unwrap_or(Self::V20231214))
    }

    /// The version as the answer header names it: `20240305`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V20231214 => "20231214",
            Self::V20240305 => "20240305",
            Self::V20261201 => "20261201",
        }
    }

    const fn date(self) -> Date {
        match self {
            Self::V20231214 => Date::constant(2023, 12, 14),
            Self::V20240305 => Date::constant(2024, 3, 5),
            Self::V20261201 => Date::constant(2026, 12, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_resolves_to_the_newest_version_not_after_it() {
        for (text, version) in [
            ("", ApiVersion::V20240305),
            ("2024-03-05", ApiVersion::V20240305),
            ("20240305", ApiVersion::V20240305),
            ("20231214", ApiVersion::V20231214),
            ("2024-03-04", ApiVersion::V20231214),
            ("1999-01-01", ApiVersion::V20231214),
            ("2026-11-30", ApiVersion::V20240305),
            ("2026-12-01", ApiVersion::V20261201),
            ("9999-12-31", ApiVersion::V20261201),
        ] {
            assert_eq!(ApiVersion::parse(text), Ok(version), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "v1",
            "2024-02-30",
            "2024-13-01",
            "2024-3-5",
            "240305",
            "2024/03/05",
            "+2024-3-05",
            "２０２４０３０５",
            "latest",
            "-024-03-05",
            "-2024125",
        ] {
            assert_eq!(ApiVersion::parse(text), Err(InvalidVersion), "{text}");
        }
    }
}
