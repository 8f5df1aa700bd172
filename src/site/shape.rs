//! The shapes that say the same as the tones' colours, and these colours where no style sheet is: both are the page's own.

use super::tone::Tone;

/// All shapes, as the page has them.
const SPRITE: &str = include_str!("templates/sprite.html");

/// What something is drawn on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ground {
    /// Of pages with dark letters.
    Light,
    /// Of pages with light letters.
    Dark,
}

impl Ground {
    /// One of two things.
    pub(super) const fn pick<T: Copy>(self, light: T, dark: T) -> T {
        match self {
            Self::Light => light,
            Self::Dark => dark,
        }
    }

    /// A tone's colour on it; the style sheet's.
    pub(super) const fn colour(self, tone: Tone) -> &'static str {
        match tone {
            Tone::Nothing => self.pick("#6a6e76", "#8f949d"),
            Tone::Operational => self.pick("#17784a", "#57c592"),
            Tone::Maintenance => self.pick("#2c62c4", "#84adff"),
            Tone::Degraded => self.pick("#8c5e00", "#e0b24a"),
            Tone::Partial => self.pick("#b2480c", "#f58e54"),
            Tone::Major => self.pick("#c02430", "#ff7b7f"),
        }
    }
}

/// A tone's shape, twenty wide and high, in the current colour; what is cut out of it has the colour `--on`.
pub(super) fn shape(tone: Tone) -> &'static str {
    let begin = format!("<symbol id=\"i-{}\" viewBox=\"0 0 20 20\">", tone.name());
    let shape = SPRITE.split_once(&begin).and_then(|(_, rest)| rest.split_once("</symbol>"));
    shape.map(|(shape, _)| shape).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = include_str!("page.css");
    const WIDGET: &str = include_str!("widget.css");
    const TONES: [Tone; 6] = [Tone::Nothing, Tone::Operational, Tone::Maintenance, Tone::Degraded, Tone::Partial, Tone::Major];

    #[test]
    fn every_tone_has_a_shape_and_the_colours_of_the_page() {
        for tone in TONES {
            assert!(shape(tone).contains("currentColor"), "{tone:?}");
            for ground in [Ground::Light, Ground::Dark] {
                let variable = format!("--{}: {};", tone.name(), ground.colour(tone));
                assert!(STYLE.contains(&variable), "{variable} is not in the style sheet");
                let rule = format!(".s-{} {{ --c: {}; }}", tone.name(), ground.colour(tone));
                assert!(WIDGET.contains(&rule), "{rule} is not in the widget's");
            }
        }
    }
}
