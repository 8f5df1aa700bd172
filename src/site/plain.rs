//! Texts for strict readers.

/// Without what XML forbids and what readers of HTML call an error: control characters other than line ends and tabs, and
/// code points that are no characters.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control() && is_character(*letter)).collect()
}

fn is_character(letter: char) -> bool {
    u32::from(letter) & 0xfffe != 0xfffe && !('\u{fdd0}'..='\u{fdef}').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_characters_are_left() {
        assert_eq!(
            plain("a\0b\u{8}\r\n\tc\u{7f}\u{9f}\u{fffe}\u{1ffff}\u{fdd0}]]>🏴\u{200d}☠\u{fe0f}"),
            "ab\n\tc]]>🏴\u{200d}☠\u{fe0f}"
        );
    }
}
