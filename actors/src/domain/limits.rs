//! How large a value may be. The bounds keep documents, frames and pages of a size that every reader can afford.

use super::{
    entities::{Branding, Metadata, Scalar},
    rejection::Rejection,
};

/// Names and titles: the longest that any of the existing clients stores.
pub const NAME: usize = 200;
/// Descriptions.
pub const DESCRIPTION: usize = 5_000;
/// Timeline messages.
pub const MESSAGE: usize = 20_000;
/// Post-mortems.
pub const POSTMORTEM: usize = 100_000;
/// What a person says about a change of status.
pub const REASON: usize = 500;
/// Entries of a metadata map, and characters of its keys and texts.
pub const METADATA: (usize, usize, usize) = (32, 64, 500);
/// Services of an organization.
pub const SERVICES: usize = 2_000;
/// Groups, and teams, of an organization.
pub const GROUPS: usize = 500;
/// Members of an organization.
pub const MEMBERS: usize = 10_000;
/// Incidents and maintenances of an organization, old ones included.
pub const INCIDENTS: usize = 20_000;
/// Timeline entries of an incident.
pub const UPDATES: usize = 1_000;
/// Bytes of an incident's timeline: with everything else in it well below the 16 MB of a MongoDB document, beyond
/// which the incident could be changed but never again be written.
pub const TIMELINE: usize = 8_000_000;
/// What is left over for resolving and moving, when posting has used up the rest: ending it must always be possible.
pub const RESERVE: (usize, usize) = (UPDATES / 10, TIMELINE / 10);
/// Monitors of an organization.
pub const MONITORS: usize = 500;
/// What a monitor asks: longer addresses are refused by many servers.
pub const ADDRESS: usize = 2_000;
/// Statuses that a monitor may expect, and characters of the text.
pub const EXPECTED: (usize, usize) = (20, 500);
/// Seconds between two checks: not an attack, and not forgotten.
pub const INTERVAL_S: (u32, u32) = (10, 86_400);
/// How long a check may take.
pub const TIMEOUT_MS: (u32, u32) = (500, 60_000);
/// How many checks in a row it may take to believe them.
pub const THRESHOLD: (u32, u32) = (1, 20);
/// Services that one incident names.
pub const AFFECTED: usize = 500;

/// A name or title: something to read, on one line.
pub fn name(field: &'static str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::invalid(field, "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Rejection::invalid(field, "must be a single line of text"));
    }
    length(field, text, NAME)
}

/// A text of several lines.
pub fn text(field: &'static str, text: &str, max: usize) -> Result<(), Rejection> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Rejection::invalid(field, "must not contain control characters"));
    }
    length(field, text, max)
}

fn length(field: &'static str, text: &str, max: usize) -> Result<(), Rejection> {
    if text.chars().nth(max).is_some() {
        return Err(Rejection::invalid(field, format!("must have at most {max} characters")));
    }
    Ok(())
}

/// What a monitor asks. Not every text is an address; see [`super::Monitor::url`].
pub fn address(field: &'static str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::invalid(field, "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Rejection::invalid(field, "must be a single line of text"));
    }
    length(field, text, ADDRESS)
}

/// Room for one more.
pub fn room(what: &'static str, have: usize, limit: usize) -> Result<(), Rejection> {
    if have >= limit { Err(Rejection::TooMany { what, limit }) } else { Ok(()) }
}

/// Room for what an incident names.
pub fn affected(count: usize) -> Result<(), Rejection> {
    if count > AFFECTED {
        return Err(Rejection::TooMany { what: "affected services per incident", limit: AFFECTED });
    }
    Ok(())
}

/// A client's own map.
pub fn metadata(map: &Metadata) -> Result<(), Rejection> {
    let (entries, key_length, text_length) = METADATA;
    if map.len() > entries {
        return Err(Rejection::invalid("metadata", format!("must have at most {entries} entries")));
    }
    for (key, value) in map {
        // A dot or a leading dollar sign means something else to MongoDB.
        let key_is_plain = !key.is_empty() && key.len() <= key_length && !key.starts_with('$') && !key.contains(['.', '\0']);
        if !key_is_plain {
            return Err(Rejection::invalid(
                "metadata",
                format!("keys have 1 to {key_length} characters, no dot and no leading `$`"),
            ));
        }
        match value {
            Scalar::Text(value) => text("metadata", value, text_length)?,
            Scalar::Float(value) if !value.is_finite() => return Err(Rejection::invalid("metadata", "numbers must be finite")),
            Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => {}
        }
    }
    Ok(())
}

/// Colours and addresses that end up in pages.
pub fn branding(branding: &Branding) -> Result<(), Rejection> {
    if let Some(accent) = &branding.accent {
        let hex = accent.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if !hex {
            return Err(Rejection::invalid("branding.accent", "must be a colour like #1a73e8"));
        }
    }
    for (field, url) in [("branding.logo_url", &branding.logo_url), ("branding.support_url", &branding.support_url)] {
        let Some(url) = url else { continue };
        let web = url.starts_with("https://") || url.starts_with("http://");
        let mail = field == "branding.support_url" && url.starts_with("mailto:");
        if !(web || mail) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Rejection::invalid(field, "must be an http(s) address"));
        }
        length(field, url, 1_000)?;
    }
    Ok(())
}
