//! How an organization is, for a frame in somebody else's page: a shape, a sentence and the way to the page, without a
//! program. It is loaded anew every minute; the only thing of ours that may stand in a frame.

use super::{Kept, Seen, overall::Overall, page::hash, plain::plain, shape::shape, tone::Tone};
use crate::page::Audience;
use askama::Template;
use std::sync::LazyLock;
use tocsin_actors::domain::status::Kind;

const STYLE: &str = include_str!("widget.css");
/// Nothing but its style, and that in anybody's frame.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors *", hash(STYLE))
});

#[derive(Template)]
#[template(path = "widget.html", config = "src/site/templates/askama.toml")]
struct Widget<'a> {
    name: String,
    address: &'a str,
    tone: Tone,
    shape: &'static str,
    style: &'static str,
    active: String,
}

/// The widget as of now.
pub(super) fn widget(seen: &Seen<'_>) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let tone = Overall::of(seen.org, organization).tone;
    let active = Audience::Public.active(seen.org).into_iter().filter(|one| one.kind() == Kind::Incident).count();
    let active = match active {
        0 => String::new(),
        1 => "1 active incident".to_owned(),
        more => format!("{more} active incidents"),
    };
    let widget = Widget { name: plain(&organization.name), address: seen.address, tone, shape: shape(tone), style: STYLE, active };
    let mut kept = Kept::new("text/html; charset=utf-8", widget.render().ok()?.into_bytes());
    kept.policy = Some(POLICY.as_str().into());
    Some(kept)
}
