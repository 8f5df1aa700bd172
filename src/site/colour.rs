//! An organization's accent colour, made fit to be read: whatever was chosen, text in it can be told from what is behind.

/// How much text must differ from what is behind it, and shapes (WCAG 2, AA).
const TEXT: f64 = 4.5;
const SHAPE: f64 = 3.0;
/// Behind them, in light and dark; the style sheet's.
const LIGHT: Rgb = Rgb(0xf8, 0xf8, 0xf6);
const DARK: Rgb = Rgb(0x1b, 0x1d, 0x20);
/// In how many steps a colour is pulled towards black or white.
const STEPS: u32 = 50;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Rgb(u8, u8, u8);

impl Rgb {
    fn parse(text: &str) -> Option<Self> {
        let number = u32::from_str_radix(text.strip_prefix('#').filter(|hex| hex.len() == 6)?, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self(red, green, blue))
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if a > b { a / b } else { b / a }
    }

    fn towards(self, other: Self, step: u32) -> Self {
        let mix = |a: u8, b: u8| ((u32::from(a) * (STEPS - step) + u32::from(b) * step) / STEPS) as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The nearest colour that differs enough from what is behind.
    fn against(self, behind: Self, enough: f64) -> Self {
        let far = if behind.luminance() > 0.5 { Self(0, 0, 0) } else { Self(255, 255, 255) };
        let steps = (0..=STEPS).map(|step| self.towards(far, step));
        steps.into_iter().find(|colour| colour.contrast(behind) >= enough).unwrap_or(far)
    }

    fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// A style sheet that gives the page this accent; nothing for what is no colour.
pub(super) fn accent(chosen: &str) -> Option<String> {
    let chosen = Rgb::parse(chosen)?;
    let rule = |behind| {
        let (shape, text) = (chosen.against(behind, SHAPE), chosen.against(behind, TEXT));
        format!(":root{{--accent:{};--accent-text:{}}}", shape.hex(), text.hex())
    };
    Some(format!("{}@media(prefers-color-scheme:dark){{{}}}", rule(LIGHT), rule(DARK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_in_light_and_dark() {
        for number in (0..0x1_000_000_u32).step_by(9_973) {
            let [_, red, green, blue] = number.to_be_bytes();
            let chosen = Rgb(red, green, blue);
            for behind in [LIGHT, DARK] {
                assert!(chosen.against(behind, TEXT).contrast(behind) >= TEXT, "{chosen:?} on {behind:?}");
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_what_it_is() {
        assert_eq!(Rgb(0x0f, 0x66, 0x5e).against(LIGHT, TEXT), Rgb(0x0f, 0x66, 0x5e));
        assert_eq!(accent("red; } body { display: none"), None);
    }
}
