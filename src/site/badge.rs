//! How something is, as a small picture for somebody else's page: whose it is, a shape, a word.
//!
//! Nothing in it is loaded from anywhere, and nothing needs a style sheet, which a picture may not have. How wide its texts
//! are is estimated, and then they are told to be that wide: whatever letters a reader has, they fit.

use super::{
    Kept, Seen,
    overall::Overall,
    plain::plain,
    shape::{Ground, shape},
    tone::Tone,
};
use crate::page::Audience;
use askama::Template;
use tocsin_actors::domain::ServiceId;

/// What space there is around texts, and the width of the shape with the space behind it.
const SPACE: u32 = 8;
const SHAPE: u32 = 17;
/// How wide a name may be, in tenths of a pixel. What is longer is cut.
const WIDEST: u32 = 2_400;
const ELLIPSIS: char = '…';

/// The widths of the visible ASCII characters in Verdana at eleven pixels, in tenths of a pixel. DejaVu Sans, which stands
/// in for it elsewhere, has about the same.
#[rustfmt::skip]
const WIDTHS: [u8; 95] = [
    //  !   "   #   $    %   &   '   (   )   *   +   ,   -   .   /
    39, 43, 50, 90, 70, 118, 80, 30, 50, 50, 70, 90, 40, 50, 40, 50,
    // 0 to 9, then : ; < = > ? @
    70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 50, 50, 90, 90, 90, 60, 110,
    // A to Z
    75, 75, 77, 85, 70, 63, 85, 83, 46, 50, 76, 61, 93, 82, 87, 66, 87, 76, 75, 68, 81, 75, 109, 75, 68, 75,
    // [ \ ] ^ _ `
    50, 50, 50, 90, 70, 70,
    // a to z
    66, 69, 57, 69, 66, 39, 69, 70, 30, 38, 65, 30, 107, 70, 67, 69, 69, 47, 57, 43, 70, 65, 90, 65, 65, 58,
    // { | } ~
    70, 50, 70, 90,
];

#[derive(Template)]
#[template(path = "badge.svg", config = "src/site/templates/askama.toml")]
struct Badge {
    label: Text,
    word: Text,
    /// Where the part with the word begins.
    split: u32,
    width: u32,
    shape: String,
    ink: &'static str,
    card: &'static str,
    line: &'static str,
    colour: &'static str,
}

struct Text {
    text: String,
    at: u32,
    width: u32,
}

/// For which ground a badge of this name is.
pub(super) fn ground(name: &str) -> Option<Ground> {
    match name {
        "badge.svg" => Some(Ground::Light),
        "badge-dark.svg" => Some(Ground::Dark),
        _ => None,
    }
}

/// Of everything.
pub(super) fn of_page(seen: &Seen<'_>, ground: Ground) -> Option<Kept> {
    let organization = seen.org.organization()?;
    let tone = Overall::of(seen.org, organization).tone;
    picture(&organization.name, tone, tone.sentence(), ground)
}

/// Of one service.
pub(super) fn of_service(seen: &Seen<'_>, id: ServiceId, ground: Ground) -> Option<Kept> {
    let service = seen.org.services().get(&id).filter(|service| Audience::Public.sees(service.visibility))?;
    let tone = Tone::from(service.status);
    picture(&service.name, tone, tone.word(), ground)
}

fn picture(name: &str, tone: Tone, word: &str, ground: Ground) -> Option<Kept> {
    let (card, line, colour) = (ground.pick("#fff", "#17181b"), ground.pick("#d9d9d4", "#3a3d42"), ground.colour(tone));
    let label = Text::of(cut(name), SPACE);
    let split = label.at + label.width + SPACE;
    let word = Text::of(word.to_owned(), split + SPACE + SHAPE);
    let badge = Badge {
        width: word.at + word.width + SPACE,
        label,
        word,
        split,
        shape: shape(tone).replace("currentColor", colour).replace("var(--on)", card),
        ink: ground.pick("#1c1d20", "#ececee"),
        card,
        line,
        colour,
    };
    Some(Kept::new("image/svg+xml", badge.render().ok()?.into_bytes()))
}

impl Text {
    fn of(text: String, at: u32) -> Self {
        // A pixel at least: a text of no width is an error.
        let width = (tenths(&text).div_ceil(10)).max(1);
        Self { text, at, width }
    }
}

/// The name, as much of it as there is room for.
fn cut(name: &str) -> String {
    let name = plain(name).split_whitespace().collect::<Vec<_>>().join(" ");
    if tenths(&name) <= WIDEST {
        return name;
    }
    let mut kept = String::new();
    for letter in name.chars() {
        kept.push(letter);
        if tenths(&kept) > WIDEST - 100 {
            kept.pop();
            break;
        }
    }
    let is_open = |letter: char| letter == ' ' || letter == JOINER;
    kept.truncate(kept.trim_end_matches(is_open).len());
    kept.push(ELLIPSIS);
    kept
}

/// Makes one picture of the characters around it.
const JOINER: char = '\u{200d}';

/// About how wide a text is.
fn tenths(text: &str) -> u32 {
    let before = std::iter::once(' ').chain(text.chars());
    text.chars().zip(before).map(|(letter, before)| if before == JOINER { 0 } else { width(letter) }).sum()
}

fn width(letter: char) -> u32 {
    match letter {
        ' '..='~' => u32::from(WIDTHS[letter as usize - ' ' as usize]),
        // Marks on other characters, and what is not seen.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => 0,
        '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => 0,
        // As wide as they are high.
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' => 110,
        '\u{1f000}'..='\u{3ffff}' => 140,
        ELLIPSIS => 90,
        _ => 72,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_there_is_no_more_room() {
        assert_eq!(cut("  The\tAPI "), "The API");
        for long in ["i".repeat(200), "W".repeat(200), "状態".repeat(100), "🏴\u{200d}☠\u{fe0f}".repeat(50)] {
            let cut = cut(&long);
            assert!(cut.ends_with(ELLIPSIS) && tenths(&cut) <= WIDEST, "{cut}");
            assert!(!cut.contains("\u{200d}…"), "{cut}");
        }
    }

    #[test]
    fn what_is_not_seen_takes_no_room() {
        assert_eq!(tenths("e\u{301}"), tenths("e"));
        assert_eq!(tenths("\u{202e}\u{200b}"), 0);
        assert_eq!(tenths("🏴\u{200d}☠\u{fe0f}"), tenths("🏴"));
    }
}
