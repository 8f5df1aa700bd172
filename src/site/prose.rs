//! Markdown as HTML that can do nothing but be read: no markup of the writer's own, no address that is a program, no image
//! that tells another host who reads.

use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

/// Safe to put into a page as it is. Headings begin below the page's own.
pub(super) fn html(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    let mut in_link = false;
    // A picture becomes a link to it; one that is a link already is only its words.
    let events = parser.map(harmless).filter(|event| match event {
        Event::Start(Tag::Link { .. }) => !std::mem::replace(&mut in_link, true),
        Event::End(TagEnd::Link) => std::mem::take(&mut in_link),
        _ => true,
    });
    push_html(&mut html, events);
    let html = html.replace("<th></th>", "<td></td>"); // which heads nothing
    // The writer's own words have no such marks left. A wide one is moved by itself, with fingers or with keys.
    html.replace("<table>", WIDE).replace("</table>", "</table></div>")
}

const WIDE: &str = "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>";

/// The same without what could do something.
fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: address(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: address(dest_url), title, id })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        // Which would be told in styles, and a page may have none but its own.
        Event::Start(Tag::Table(columns)) => Event::Start(Tag::Table(vec![Alignment::None; columns.len()])),
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        other => other,
    }
}

fn lower(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H1, H2, H3, H4, H5, H6};
    match level {
        H1 | H2 | H3 => H3,
        H4 => H4,
        H5 => H5,
        H6 => H6,
    }
}

/// Where a link may lead: to the web, to a mailbox, or to another place here.
fn address(to: CowStr<'_>) -> CowStr<'_> {
    let scheme = to
        .find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter))
        .filter(|end| to[*end..].starts_with(':'));
    let is_safe = scheme.is_none_or(|end| ["http", "https", "mailto"].iter().any(|safe| to[..end].eq_ignore_ascii_case(safe)));
    // A browser takes tabs and line breaks out of an address before it looks at the scheme.
    if is_safe && !to.chars().any(char::is_control) { to } else { "#".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_says() {
        let said =
            html("# Why\n\nWe `restarted` it, see [the graph](https://graphs.example/?a=1&b=2).\n\n- one\n- two\n\n> sorry\n");
        for part in [
            "<h3>Why</h3>",
            "<code>restarted</code>",
            "<a href=\"https://graphs.example/?a=1&amp;b=2\">the graph</a>",
            "<li>one</li>",
            "<blockquote>",
        ] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    }

    #[test]
    fn a_table_is_one() {
        let said = html("| | of |\n|:-|-:|\n| 1 | 2 |\n");
        assert!(said.starts_with(WIDE) && said.trim_end().ends_with("</table></div>"), "{said}");
        assert!(said.contains("<td></td><th>of</th>") && said.contains("<td>1</td>") && !said.contains("style"), "{said}");
    }

    #[test]
    fn does_nothing() {
        for attack in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=alert(1)>b</b>",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](java&#115;cript:alert(1))",
            "[a](<java\tscript:alert(1)>)",
            "[a](\u{1}javascript:alert(1))",
            "[a](data:text/html,<script>alert(1)</script>)",
            "[a](vbscript:x)",
            "![a](https://spy.example/pixel.gif)",
            "![a](javascript:alert(1))",
            "[![a](https://spy.example/pixel.gif)](https://x.example)",
            "<javascript:alert(1)>",
            "[a]: javascript:alert(1)\n\n[a]",
            "[a](https://x.example \"\\\"><script>alert(1)</script>\")",
            "```\"><script>\nx\n```",
            "# a {#x onclick=alert(1)}",
        ] {
            let said = html(attack);
            assert!(said.matches("<a ").count() < 2, "a link in a link: {said}");
            assert_eq!(said.matches("<a ").count(), said.matches("</a>").count(), "{said}");
            let tags: Vec<_> = said.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default()).collect();
            for tag in tags {
                let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
                assert!(["p", "a", "pre", "code", "h3"].contains(&name), "{attack} became {said}");
                let address = tag.split("href=\"").nth(1).map(|rest| rest.split('"').next().unwrap_or_default());
                let leads = |to: &str| to == "#" || to.starts_with("https://");
                assert!(address.is_none_or(leads), "{attack} became {said}");
                assert!(name != "a" || !tag.contains("onclick"), "{attack} became {said}");
            }
        }
    }
}
